"""Read access by the OGC SensorThings API, part 1, version 1.1 (OGC 18-088)."""
