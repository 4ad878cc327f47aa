"""Break the running platform on purpose and count what comes through: `python -m chaos`."""
