"""FIWARE UltraLight 2.0."""
