"""The columns of a batch of readings: the one shape in which readings move from ingest to a store and on to the api.

One row is one device at one instant. A quantity that was not measured is null. `quality` is null or `{}` when every value is `ok`;
otherwise it is a JSON object, key → [flag, reason], for the values that are not. `extra` is a JSON object of what the message
held besides, or null.
"""

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa

from jeonju.airquality.pollutants import KEYS

# Means and extremes leave out what reaches this, the largest number of 32 bits, in which extremes are kept: no quantity comes near it, and a sum of
# larger ones can exceed 64 bits. Devices send it, and the largest of 64 bits, for "no value".
TOO_LARGE: Final = 3.4028234663852886e38

INSTANT: Final = pa.timestamp("us", tz="UTC")
LABEL: Final = pa.dictionary(pa.int32(), pa.string())

READINGS: Final = pa.schema(
    [
        pa.field("site", LABEL, nullable=False),
        pa.field("device", LABEL, nullable=False),
        pa.field("time", INSTANT, nullable=False),
        pa.field("received_at", INSTANT, nullable=False),
        pa.field("boot", pa.string()),
        pa.field("seq", pa.int64()),
        pa.field("lat", pa.float64()),
        pa.field("lon", pa.float64()),
        *(pa.field(key, pa.float64()) for key in KEYS),
        pa.field("quality", pa.string()),
        pa.field("extra", pa.string()),
    ]
)


def readings_table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Return a table in the READINGS schema from dictionaries; absent columns become null."""
    return pa.Table.from_pylist(list(rows), schema=READINGS)
