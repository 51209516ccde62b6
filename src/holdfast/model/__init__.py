"""Ground floor: plain frozen values and enums. Standard library only, no clock, no chance, no I/O."""
