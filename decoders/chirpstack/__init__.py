"""ChirpStack events."""
