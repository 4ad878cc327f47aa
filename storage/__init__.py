"""Where committed readings, alerts and the pipe's own records are kept; one port, one file per store."""
