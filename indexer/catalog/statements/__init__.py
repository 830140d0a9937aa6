"""Every SQL statement of the catalog, one file per noun."""
