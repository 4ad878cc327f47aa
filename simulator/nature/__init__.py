"""A second simulator of the air over a site, only for scoring: particles in a wind that differs over the city.

What finds fires and their sources contains the physics of the puffs (`airquality/dispersion/`). Here the same scenario
runs on other physics, so that a score does not rest on the simulator and the finder being of one mind. Nothing here
imports puffs, their curves, their rise or their surface layer.

Formulas are those that textbooks and codes of models quote under the names given here. FLEXPART's hanna1.f90 was read for
this, the original papers were not; what is an assumption of ours is called one.
"""
