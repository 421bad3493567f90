"""Load and soak: many calls at once, for long, one after the other, too many, and those that do not listen."""
