"""Claims tasks and drives their attempts, from the claim to the committed end."""
