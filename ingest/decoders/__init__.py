"""One folder for each wire format."""
