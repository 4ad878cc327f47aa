"""Scenarios of the whole pipeline: messages sent to a real broker, and what must then be in a real store or be heard at the broker."""
