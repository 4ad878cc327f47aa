import pytest

from jeonju.airquality.units import conversion, parse_amount, ppm_per_mg_m3


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


@pytest.mark.parametrize(
    ("quantity", "unit", "value", "stored"),
    [
        ("temperature", "°F", 212.0, 100.0),
        ("temperature", "K", 273.15, 0.0),
        ("pressure", "mmHg", 760.0, 1013.25),
        ("pressure", "inHg", 29.9213, 1013.25),
        ("humidity", "1", 0.5, 50.0),
        ("pm25", "ug/m3", 35.0, 35.0),
        ("pm25", "μg/m³", 35.0, 35.0),
        ("pm25", "mg/m3", 0.035, 35.0),
        ("wind_speed", "km/h", 36.0, 10.0),
        ("no2", "ppb", 100.0, 0.1),
        ("co", "mg/m³", 1.145, 1.0),
        ("pm25", "µg⋅m⁻³", 35.0, 35.0),
        ("pm25", "µg·m-3", 35.0, 35.0),
        ("temperature", "celcius", 21.0, 21.0),
        ("pressure", "hectoPascals", 1013.0, 1013.0),
        ("pressure", "Pascals", 101300.0, 1013.0),
        ("wind_speed", "metres per second", 5.0, 5.0),
        ("wind_speed", "kilometres per hour", 36.0, 10.0),
        ("wind_speed", "miles per hour", 10.0, 4.4704),
        ("no2", "parts per billion", 100.0, 0.1),
        ("co2", "% vol", 0.05, 500.0),
    ],
)
def test_values_become_those_of_the_stored_unit(quantity: str, unit: str, value: float, stored: float) -> None:
    scale, offset = conversion(quantity, unit)
    assert value * scale + offset == pytest.approx(stored, rel=1e-3, abs=1e-9)
    assert parse_amount(f"{value} {unit}", quantity) == pytest.approx(stored, rel=1e-3, abs=1e-9)


def test_unit_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="is in ppm, but pm25 is in µg/m³"):
        parse_amount("35 ppm", "pm25")
    with pytest.raises(ValueError, match="is in mg/m³, but temperature is in °C"):
        conversion("temperature", "mg/m³")
