"""Robots sent to incidents: which one, where it measures, what keeps it safe, and its orders in VDA 5050."""
