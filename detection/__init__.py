"""From committed readings to alerts."""
