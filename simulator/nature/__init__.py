"""A second simulator of the air over a site, only for scoring: particles in a wind that differs over the city.

What finds fires and their sources contains the physics of the puffs (`airquality/dispersion/`). Here the same scenario
runs on other physics, so that a score does not rest on the simulator and the finder being of one mind. Nothing here
imports puffs, their curves, their rise or their surface layer.
"""
