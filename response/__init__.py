"""What is done about alerts: triage, incidents, robots, notification."""
