"""The command line: parse, one call into `holdfast.app`, print. No decisions, no SQL."""
