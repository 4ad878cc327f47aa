"""OGC SensorThings API."""
