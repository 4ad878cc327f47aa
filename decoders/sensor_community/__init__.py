"""sensor.community (airRohr firmware)."""
