"""Every quantity has its unit in the codes of others."""

import pytest

from jeonju.airquality.pollutants import QUANTITIES, Quantity
from jeonju.airquality.vocabulary import CF_ADDRESS, CF_NAMES, UNIT_CODES, codes_of, definition_of

# Names of the CF standard name table, version 90, with their canonical units.
OF_MOLE_FRACTIONS, OF_MASSES = "mole_fraction_of_", "mass_concentration_of_"


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.key)
def test_every_quantity_has_codes_and_a_definition(quantity: Quantity) -> None:
    codes = codes_of(quantity.key)
    assert codes.name
    # UCUM is ASCII, without spaces.
    assert codes.ucum.isascii()
    assert " " not in codes.ucum
    assert definition_of(quantity.key).startswith((CF_ADDRESS, "urn:jeonju-air:quantity:"))


def test_no_code_stands_for_a_unit_that_is_not_used() -> None:
    assert UNIT_CODES.keys() == {quantity.unit for quantity in QUANTITIES}


@pytest.mark.parametrize("key", CF_NAMES)
def test_standard_name_is_of_the_kind_of_the_unit(key: str) -> None:
    unit = next(quantity.unit for quantity in QUANTITIES if quantity.key == key)
    assert CF_NAMES[key].startswith(OF_MASSES) == (unit == "µg/m³")
    assert CF_NAMES[key].startswith(OF_MOLE_FRACTIONS) == (unit == "ppm")
