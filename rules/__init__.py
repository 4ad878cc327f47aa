"""The rules file: what raises an alert, how it behaves, and who is notified."""
