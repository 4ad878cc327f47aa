"""Sparkplug B."""
