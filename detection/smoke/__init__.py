"""Smoke, dust and gas releases at single devices: what rises there and not elsewhere, and what it is."""
