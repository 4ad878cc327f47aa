from jeonju.airquality.pollutants import KEYS, QUANTITIES


def test_keys_are_unique_and_ranges_are_ranges() -> None:
    assert len(set(KEYS)) == len(QUANTITIES)
    assert all(quantity.minimum < quantity.maximum for quantity in QUANTITIES)


def test_every_quantity_is_named_in_both_languages() -> None:
    assert all(quantity.label_ko and quantity.label_en and quantity.unit for quantity in QUANTITIES)
