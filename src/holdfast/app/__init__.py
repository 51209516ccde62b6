"""The façade that users import, and the one place where adapters are named."""
