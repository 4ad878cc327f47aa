"""What `jeonju up` shows in the terminal."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from jeonju.airquality.index import Cai, Grade
from jeonju.airquality.schemes import SCHEMES, Scheme
from jeonju.cli.summary import _table, summary_line
from jeonju.common.scaled_clock import ScaledClock
from jeonju.contract.site import Site
from jeonju.stack.city import City, worst_json

EVERY_CLASS = [(scheme, grade) for scheme in SCHEMES.values() for grade in scheme.grades]


def state(scheme: Scheme, grade: Grade | None) -> dict[str, Any]:
    """Return what a running city says of itself."""
    worst = None if grade is None else worst_json("palbok-03", Cai(84.2, grade, "pm25", {}))
    shown: dict[str, Any] = dict.fromkeys(("devices_heard", "readings", "readings_per_s", "alerts", "rejected"), 0)
    shown |= {"url": "http://127.0.0.1:8000", "broker": "mqtt://127.0.0.1:1883", "live": True}
    shown |= {"now": datetime(2026, 3, 4, tzinfo=UTC).isoformat(), "store_available": True, "broker_connected": True}
    return shown | {"index": scheme.label_en, "worst_cai": worst}


@pytest.mark.parametrize(("scheme", "grade"), EVERY_CLASS, ids=lambda one: one.key)
def test_index_has_its_own_name_and_classes(jeonju: Site, scheme: Scheme, grade: Grade) -> None:
    nothing: Any = None
    city = City(jeonju, ScaledClock(), nothing, nothing, nothing, url="", broker_url="", simulation=None)
    console = Console(width=120, record=True, file=StringIO())
    console.print(_table(state(scheme, grade), city))
    (line,) = (line for line in console.export_text().splitlines() if "worst" in line)
    assert f"worst {scheme.label_en} " in line
    assert f"84  {grade.label_en}  palbok-03" in line
    assert f"worst {scheme.label_en} 84 (palbok-03)" in summary_line(state(scheme, grade))
    assert f"no {scheme.label_en} yet" in summary_line(state(scheme, None))
