"""The field itself: quantities, units, limits, indexes, places and the physics of dispersion. No I/O, no clock, no state."""
