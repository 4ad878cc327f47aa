"""Incidents: alerts that belong together, from the first minute to the report."""
