"""A vendor's own JSON beyond the recorded messages."""

from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from tests.ingest.decoders.reading import read, times, values

MAPPING = [{"pointer": "/t", "key": "temperature"}]


def test_message_without_device_and_without_anything_mapped_is_no_reject() -> None:
    assert not read("json", {"status": "booting"}, device="/id", mapping=MAPPING).readings
    with pytest.raises(RejectedError, match="names no device"):
        read("json", {"t": 21.5}, device="/id", mapping=MAPPING)


def test_pointers_with_escapes_lists_and_documents_in_strings() -> None:
    content = [{"a/b": {"m~n": ["-", "21.5 °C"]}, "inner": '{"rh": "nan", "id": 7}'}]
    mapping = [
        {"pointer": "/0/a~1b/m~0n/1", "key": "temperature"},
        {"pointer": "/0/a~1b/m~0n/0", "key": "pm25"},
        {"pointer": "/0/inner/rh", "key": "humidity"},
    ]
    assert values(read("json", content, device="/0/inner/id", mapping=mapping)) == {"7": {"temperature": 21.5}}


def test_empty_pointer_leads_to_a_message_that_is_one_number() -> None:
    mapping = [{"pointer": "", "key": "pm25"}]
    for content in ("12.5", '"12.5 µg/m³"'):
        assert values(read("json", content, "roof/pm25", device="roof", mapping=mapping)) == {"roof": {"pm25": 12.5}}
    with pytest.raises(RejectedError, match="JSON"):
        read("json", "nan", "roof/pm25", device="roof", mapping=mapping)


def test_time_of_a_clock_without_zone_counts_with_the_zone_of_the_site_file() -> None:
    content = {"t": 1, "at": "2026/03/02 17:15:30"}
    site: dict[str, Any] = {"device": "a", "time": "/at", "mapping": MAPPING}
    assert times(read("json", content, timezone="Asia/Seoul", **site)) == ["2026-03-02T08:15:30.000+00:00"]
    assert times(read("json", content, **site)) == [None]
