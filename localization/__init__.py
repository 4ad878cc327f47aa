"""From alerts and readings to the place and strength of a source."""
