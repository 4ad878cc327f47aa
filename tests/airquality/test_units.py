import pytest

from jeonju.airquality.units import ppm_per_mg_m3


@pytest.mark.parametrize(
    ("gas", "mg_m3_per_ppm"),
    # Conversions at 25 °C and 1 atm as published with the US EPA's limits.
    [("co", 1.15), ("no2", 1.88), ("o3", 1.96), ("so2", 2.62)],
)
def test_gas_conversion_matches_published_factors(gas: str, mg_m3_per_ppm: float) -> None:
    assert 1 / ppm_per_mg_m3(gas) == pytest.approx(mg_m3_per_ppm, rel=0.005)


def test_conversion_of_a_particle_mass_is_refused() -> None:
    with pytest.raises(ValueError, match="pm25 has no molar mass"):
        ppm_per_mg_m3("pm25")
