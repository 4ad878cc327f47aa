"""Make coarser roll-ups of what an InfluxDB answered, in memory, with the SQL of the DuckDB store."""

from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from jeonju.contract.columns import INSTANT, READINGS, TOO_LARGE
from jeonju.storage.influx.names import DEVICE_TAG, SITE
from jeonju.storage.rollup import ANGLES, COLUMNS, QUANTITIES, answered, fold

# As that of the embedded store: an hour of thousands of devices fits, and other threads keep a core.
_SETTINGS: Final = {"memory_limit": "128MB", "threads": 1}
_ARROW: Final = {
    "DOUBLE": pa.float64(),
    "FLOAT": pa.float64(),
    "INTEGER": pa.int64(),
    "BIGINT": pa.int64(),
    "VARCHAR": pa.string(),
    "TIMESTAMPTZ": INSTANT,
}
ROWS: Final = pa.schema(
    [
        (SITE, pa.string()),
        (DEVICE_TAG, pa.string()),
        ("time", INSTANT),
        *((column.name, _ARROW[column.type]) for column in COLUMNS),
    ]
)
# The mean angles, which dashboards need and sine and cosine give.
_DIRECTIONS: Final = ", ".join(f"(degrees(atan2({name}_sin, {name}_cos)) + 360) % 360 AS {name}" for name in ANGLES)


class Folding:
    """Makes coarser rows of finer ones in memory, with the same SQL as the DuckDB store."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:", config=_SETTINGS)
        self._connection.execute("SET TimeZone = 'UTC'")

    def fold(self, rows: pa.Table, every_s: int) -> pa.Table:
        """Return the roll-ups over `every_s` seconds of finer roll-ups, or of parts of them."""
        return self._ask(fold("rows", every_s, "true", all_columns=True), rows=_without_too_large(rows)).cast(ROWS)

    def of_readings(self, readings: pa.Table, every_s: int) -> pa.Table:
        """Return the roll-ups of readings, without the values that cannot be part of a mean."""
        absent = [name for name in QUANTITIES if readings[name].null_count == len(readings)]
        query = fold("readings", every_s, "true", all_columns=True, absent=absent, any_too_large=True)
        return self._ask(query, readings=readings).cast(ROWS)

    def means(self, rows: pa.Table, every_s: int, limit: int) -> pa.Table:
        """Return the same as READINGS, in their order."""
        # Most quantities are measured by nobody; to fold them takes as long as the others.
        absent = [name for name in QUANTITIES if not pc.sum(rows[f"{name}_count"]).as_py()]
        folded = fold("rows", every_s, "true", all_columns=False, absent=absent)
        query = f"SELECT {answered(absent)} FROM ({folded}) ORDER BY time, device LIMIT {int(limit)}"
        return self._ask(query, rows=_without_too_large(rows)).cast(READINGS)

    def not_fewer(self, made: pa.Table, stored: pa.Table) -> pa.Table:
        """Return what was made, without what counts fewer readings than what is stored: that was made before readings were gone."""
        same = "made.site = stored.site AND made.device = stored.device AND made.time = stored.time"
        query = f"SELECT made.* FROM made ANTI JOIN stored ON {same} AND stored.reading_count > made.reading_count"
        return self._ask(query, made=made, stored=stored).cast(ROWS)

    def together(self, made: pa.Table, stored: pa.Table) -> pa.Table:
        """Return what was made, and what is stored besides."""
        query = "FROM made UNION ALL BY NAME FROM stored ANTI JOIN made USING (site, device, time)"
        return self._ask(query, made=made, stored=stored).cast(ROWS)

    def with_directions(self, rows: pa.Table) -> pa.Table:
        """Return the rows with their mean angles."""
        return self._ask(f"SELECT *, {_DIRECTIONS} FROM rows", rows=rows)

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()

    def _ask(
        self,
        query: str,
        *,
        rows: pa.Table | None = None,  # noqa: ARG002  (DuckDB finds these by their names; what is registered with it takes memory for good)
        readings: pa.Table | None = None,  # noqa: ARG002
        made: pa.Table | None = None,  # noqa: ARG002
        stored: pa.Table | None = None,  # noqa: ARG002
    ) -> pa.Table:
        with self._connection.cursor() as cursor:
            return cursor.sql(query).to_arrow_table()


def _without_too_large(rows: pa.Table) -> pa.Table:
    """Return roll-ups without what versions that took every number made of them: the value, and the count that is its weight."""
    for column in COLUMNS:
        if column.type not in ("DOUBLE", "FLOAT"):
            continue
        is_too_large = pc.fill_null(pc.greater_equal(pc.abs(rows[column.name]), TOO_LARGE), fill_value=False)
        if pc.any(is_too_large).as_py():
            for name in (column.name, f"{column.quantity}_count"):
                kept = pc.if_else(is_too_large, None, rows[name])
                rows = rows.set_column(rows.schema.get_field_index(name), name, kept)
    return rows
