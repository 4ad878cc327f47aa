"""Notification: one file for each channel, and the outbox that sends everything at least once."""
