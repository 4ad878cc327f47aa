"""oneM2M content instances."""
