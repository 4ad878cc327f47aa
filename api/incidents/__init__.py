"""Where it came from: what rose at which devices, and which source explains it with which probability and rate."""
