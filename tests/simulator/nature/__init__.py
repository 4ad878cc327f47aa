"""The particle nature: right by itself, and in the world."""
