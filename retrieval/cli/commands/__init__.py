"""The commands, one module each: the module has the command's name, its `SECTION` in the help and its `command`."""
