"""A vendor's own JSON."""
