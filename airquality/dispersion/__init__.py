"""How released matter spreads in the air: used forward by the simulator, backward by the source estimator.

`meteorology` describes the air, `sigmas` how a puff grows, `plume_rise` how heat lifts it, `puffs` puts them together.
"""
