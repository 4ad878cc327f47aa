"""AirKorea's hourly official values."""
