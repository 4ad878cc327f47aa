"""Alert rules, their state and their life."""
