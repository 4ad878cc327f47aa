"""The simulated city: weather, background air, sources, stations and robots, driven by SimPy."""
