"""Documents and tables, read and cut into chunks that an encoder reads whole."""
