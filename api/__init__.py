"""REST, live stream, alerts and incidents on top of what storage holds."""
