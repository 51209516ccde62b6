"""One module for each command, loaded by name when it is called (see `holdfast.cli.main`)."""
