"""The platform's own JSON messages."""
