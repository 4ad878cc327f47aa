"""The command line and the one-process stack; the only package that knows all others."""
