"""The words of the field: quantities, units, limits, places, messages and the physics of dispersion. No I/O, no state."""
