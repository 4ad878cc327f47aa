"""The documentation is part of the product: what the code knows must stand there."""

from pathlib import Path

import pytest

from airquality.pollutants import QUANTITIES, Quantity

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.key)
def test_glossary_has_every_quantity_with_its_unit_and_range(quantity: Quantity) -> None:
    span = f"{quantity.minimum:g} … {quantity.maximum:g}"
    row = f"| `{quantity.key}` | {quantity.label_en} | {quantity.label_ko} | {quantity.unit} | {span} |"
    assert row in (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
