"""Every SQL statement of the catalog, one module per noun.

Call any public function; each takes an open connection. Statements that write need a transaction.
"""
