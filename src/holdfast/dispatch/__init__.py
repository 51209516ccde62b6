"""Where launches are carried out: here, or later through an existing distributed engine."""
