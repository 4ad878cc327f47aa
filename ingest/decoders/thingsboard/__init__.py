"""ThingsBoard's telemetry."""
