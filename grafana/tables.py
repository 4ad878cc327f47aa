"""Tables: every column but one has its width, so that a table never grows beyond its panel and the sentence takes what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as shown
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

from jeonju.grafana import fields, words
from jeonju.grafana.influxql import DATA_SOURCE, KNOWN, OF_SITE, InfluxQL, open_at_end, select, touching
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import ALERT, ID, INCIDENT

INSTANT_WIDE, SEVERITY_WIDE, NAME_WIDE, NUMBER_WIDE = 105, 62, 150, 80
# Of what is left, a name needs so much; Grafana would take 150, which on a laptop pushes the last column out.
LEAST_WIDE = 90
# Columns of 24 from which on a table of alerts has room for the kind, and for the zone.
NARROW, WIDE = 11, 14
NEWEST_FIRST = "ORDER BY time DESC LIMIT 200"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name in the query, its title, its width [pixels; None: what is left, `least` at least], and how it looks."""

    name: str
    title: str
    width: int | None = None
    look: Sequence[DynamicConfigValue] = field(default=())
    least: int = LEAST_WIDE


def rows(
    title: str,
    what: str,
    columns: Sequence[Column],
    *,
    width: int = 12,
    height: int = 8,
    nothing: str = "–",
    first: Sequence[DataTransformerConfig] = (),
    parts: Sequence[str] = (),
) -> table.Panel:
    """Return a table with these columns in this order; the time only if it is among them. `first` are steps before the columns are chosen.

    `parts` are queries whose answers stand side by side, by device; they may be of different times, and any of them may have no answer.

    `nothing` is shown while there are no rows, and also where the store does not answer: it must not say that all is well.
    """
    names = [column.name for column in columns]
    organized: dict[str, Any] = {
        "excludeByName": {name: True for name in ("Time", KNOWN) if name not in names},
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": {column.name: column.title for column in columns},
    }
    panel = (
        table.Panel()
        .title(title)
        .description(what)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .no_value(nothing)
        .show_header(True)
        .cell_height(shown.TableCellHeight.SM)
        .thresholds(fields.neutral())
        .color_scheme(fields.by_threshold())
    )
    for number, part in enumerate(parts):
        panel.with_target(InfluxQL(query=part, table=True, ref_id=f"P{number}"))
    if parts:
        # Rows come together where all columns that both have are the same: the time must not be one of them.
        timeless = {"excludeByName": {"Time": True, KNOWN: True}, "indexByName": {}, "renameByName": {}}
        first = [
            DataTransformerConfig(id_val="organize", options=timeless),
            DataTransformerConfig(id_val="merge", options={}),
            *first,
        ]
    for step in (*first, DataTransformerConfig(id_val="organize", options=organized)):
        panel.with_transformation(step)
    for column in columns:
        room = fields.at_least(column.least) if column.width is None else fields.wide(column.width)
        panel.override_by_name(column.title, [*column.look, *room])
    return panel


def sorted_by(title: str, *, is_descending: bool = True) -> list[Builder[shown.TableSortByFieldState]]:
    """Return by which column a table is sorted as it opens."""
    return [common.TableSortByFieldState().display_name(title).desc(is_descending)]


def of_device(say: Language, name: str = "device", *, width: int | None = NAME_WIDE, title: str = "") -> Column:
    """Return a column of devices by their names; each leads to its course."""
    link = fields.link(
        say("이 측정소 보기", "Show this device"),
        f"/d/jeonju-air-zone-station-{say.code}?var-site=${{site}}&var-device=${{__value.raw}}&${{__url_time_range}}",
        is_new_page=False,
    )
    look = [*words.as_devices(say), *link]
    return Column(name, title or say("장비", "Device"), width, look)


def of_zone(say: Language, *, width: int = 110) -> Column:
    """Return a column of zones by their names; each leads to the evidence there."""
    link = fields.link(
        say("이 구역의 증거", "Evidence in this zone"),
        f"/d/jeonju-air-smoke-incidents-{say.code}?var-site=${{site}}&var-zone=${{__value.raw}}&${{__url_time_range}}",
        is_new_page=False,
    )
    return Column("zone", say("구역", "Zone"), width, [*words.as_named(words.zones(say)), *link])


def severity(say: Language) -> Column:
    """Return the column of severities."""
    return Column(
        "severity", say("심각도", "Severity"), SEVERITY_WIDE + (0 if say.code == "ko" else 16), fields.severities(say)
    )


def alert_table(
    say: Language,
    title: str,
    what: str,
    where: Sequence[str] = (),
    *,
    is_open: bool = False,
    width: int,
    height: int,
) -> table.Panel:
    """Return alerts that touch the time shown, or with `is_open` those that last at its end, whenever they began; the newest first."""
    columns = [
        Column("at", say("시작", "Since"), INSTANT_WIDE, fields.as_instant()),
        severity(say),
        Column("kind", say("종류", "Kind"), 130, words.as_named(words.kinds(say))),
        Column("summary", say("내용", "What")),
        of_device(say, width=130),
        of_zone(say),
        Column("end", say("끝", "Ended"), INSTANT_WIDE, fields.as_instant()),
    ]
    # What has no room is said by the sentence, which begins with the place.
    dropped = (
        ({"kind"} if width < NARROW else set())
        | ({"zone"} if is_open or width < WIDE else set())
        | ({"end"} if is_open else set())
    )
    columns = [column for column in columns if column.name not in dropped]
    asked = {
        "at": '"started_at" / 1000 AS "at"',
        "summary": f'"{say("summary_ko", "summary_en")}" AS "summary"',
        "end": '"ended_at" / 1000 AS "end"',
    }
    text = select(
        ", ".join(asked.get(column.name, f'"{column.name}"') for column in columns),
        ALERT,
        where=(OF_SITE, *where, (open_at_end if is_open else touching)("started_at", "ended_at")),
    )
    return rows(title, what, columns, width=width, height=height).with_target(
        InfluxQL(query=f"{text} {NEWEST_FIRST}", table=True)
    )


def incident_table(
    say: Language,
    title: str,
    what: str,
    where: Sequence[str] = (),
    *,
    is_open: bool = False,
    width: int,
    height: int,
) -> table.Panel:
    """Return incidents that touch the time shown, or with `is_open` those that last at its end. The sentence leads to the report."""
    report = fields.link(
        say("보고서 열기", "Open the report"),
        f"${{page}}/api/v1/incidents/${{__data.fields.{ID}}}/report.html?language={say.code}",
    )
    columns = [
        Column("at", say("시작", "Opened"), INSTANT_WIDE, fields.as_instant()),
        Column("state", say("상태", "State"), 90, words.as_named(words.incident_states(say))),
        severity(say),
        Column("summary", say("내용", "What"), None, report),
        Column("radius_m", say("위치 오차", "Within"), 80, [*fields.unit(fields.suffix("m")), *fields.digits(0)]),
    ]
    if not is_open:
        columns[3:3] = [Column("kind", say("종류", "Class"), 110, words.as_named(words.incident_classes(say)))]
        columns += [
            Column("confidence", say("확률", "Confidence"), 90, fields.as_share()),
            Column("rate_g_s", say("배출률", "Rate"), 80, [*fields.unit(fields.suffix("g/s")), *fields.digits(1)]),
            of_zone(say),
        ]
    names = ", ".join(f'"{column.name}"' for column in columns if column.name not in ("at", "summary"))
    text = select(
        f'"opened_at" / 1000 AS "at", {names}, "{say("summary_ko", "summary_en")}" AS "summary", "{ID}"',
        INCIDENT,
        where=(OF_SITE, *where, (open_at_end if is_open else touching)("opened_at", "closed_at")),
    )
    # The id is there for the link, and not shown.
    columns.append(Column(ID, ID, 1, fields.hidden()))
    return rows(title, what, columns, width=width, height=height).with_target(
        InfluxQL(query=f"{text} {NEWEST_FIRST}", table=True)
    )
