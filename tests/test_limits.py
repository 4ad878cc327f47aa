"""The table of all limits in docs/security.md says what the code does: rows of decoders, ingest, storage, detection, and the standards."""

from pathlib import Path
from typing import Final

import pytest

from jeonju.api import windows as api_windows
from jeonju.api.ngsi import notifier, query, temporal
from jeonju.api.ngsi import routes as ngsi_routes
from jeonju.api.ngsi import subscriptions as ngsi_subscriptions
from jeonju.api.sensorthings import answers, expression, options, page
from jeonju.api.sensorthings import routes as sensorthings_routes
from jeonju.contract import extras, reading, records, site
from jeonju.contract.site import Site
from jeonju.decoders import budget, decoded, fields, lists, message
from jeonju.decoders.ha_discovery import decoder as home_assistant
from jeonju.decoders.ha_discovery import template
from jeonju.decoders.ngsi_ld import decoder as ngsi_ld
from jeonju.decoders.onem2m import decoder as onem2m
from jeonju.decoders.sensorthings import decoder as sensorthings
from jeonju.decoders.sparkplug_b import births, parsing
from jeonju.decoders.sparkplug_b import decoder as sparkplug_b
from jeonju.detection import windows
from jeonju.ingest import committer, devices, inbox, ledger, pipeline, sessions, subscriptions
from jeonju.storage.duckdb import file as duckdb_file
from jeonju.storage.duckdb import records as duckdb_records
from jeonju.storage.influx import store as influx_store

PAGE: Final = Path(__file__).parents[1] / "docs" / "security.md"
KIB, MIB = 1024, 1024 * 1024


def grouped(number: float) -> str:
    """Return a number as the documents write it: thousands apart from 10 000 on."""
    return f"{number:_.0f}".replace("_", " ") if number >= 10_000 else f"{number:.0f}"


TOGETHER: Final = {lists.MOST_ELEMENTS, ngsi_ld.MOST_ENTITIES, sensorthings.MOST_OBSERVATIONS, onem2m.MOST_TOGETHER}
LIMITS: Final = {
    "size of a message, also unpacked": f"{message.LARGEST_PAYLOAD_BYTES // MIB} MiB",
    "time for one message in ingest": f"{budget.LIVE.cpu_s:g} s of the processor",
    "readings of one message": grouped(budget.LIVE.readings),
    "values of one message, all readings together": grouped(budget.LIVE.values),
    "a dead letter that is replayed": f"{budget.REPLAY.cpu_s:g} s, {grouped(budget.REPLAY.readings)} readings, {grouped(budget.REPLAY.values)} values",
    "elements, entities, observations, notifications of one message": ", ".join(map(grouped, TOGETHER)),
    "parts of one message that are dead letters": f"{decoded.MOST_PARTS}, {decoded.MOST_PART_BYTES // MIB} MiB",
    "unknown members of one reading": f"{extras.MOST_NAMES}, names of {extras.LONGEST_NAME} characters, {extras.MOST_MEMBER_BYTES // KIB} KiB each, {extras.MOST_BYTES // KIB} KiB together",
    "words of a status or adoption (state, kind, origin, zone), boot of a reading": f"{reading.LONGEST_WORD} characters",
    "name of a device, as a gateway gives it": f"{fields.LONGEST_IDENTITY} characters",
    "new devices in one message": grouped(devices.MOST_NEW_IN_A_MESSAGE),
    "new devices in an hour": f"{Site.model_fields['new_devices_per_hour'].default} (`new_devices_per_hour` of the site file)",
    "devices": grouped(devices.MOST_DEVICES),
    "missing numbers that are remembered of a device's boot": f"{ledger.REMEMBERED_GAPS}, of {ledger.REMEMBERED_BOOTS} boots",
    "Sparkplug B: metrics of one message, template instances, templates in one another": f"{grouped(parsing.MOST_METRICS)}, {births.MOST_INSTANCES}, {births.DEEPEST}",
    "Sparkplug B: edge nodes; names and aliases of one, of all": f"{grouped(sparkplug_b.MOST_NODES)}; {grouped(births.MOST_NAMES)}, {grouped(sparkplug_b.MOST_NAMES_IN_ALL)}",
    "Home Assistant: entities, of one topic": f"{grouped(home_assistant.MOST_ENTITIES)}, {home_assistant.MOST_OF_TOPIC}",
    "Home Assistant: length of a template, its parts": f"{template.LONGEST_TEMPLATE}, {template.MOST_PARTS}",
    "`[[gateways]]` of a site file, layers in which they overlap, sessions": f"{site.MOST_GATEWAYS}, {subscriptions.MOST_GROUPS}, {sessions.MOST_SESSIONS}",
    "messages that wait in ingest": f"{grouped(inbox.MOST_WAITING)}, {inbox.MOST_WAITING_BYTES // MIB} MiB",
    "one commit": f"{inbox.MOST_IN_A_COMMIT} messages, {inbox.LARGEST_COMMIT_BYTES // MIB} MiB",
    "a dead letter: payload, topic and reason": f"{records.LONGEST_LETTER_BYTES // KIB} KiB, {records.LONGEST_LETTER_TEXT} characters",
    "a dead letter of a message that took too long or held too much": f"{records.LARGEST_LETTER_BYTES // MIB} MiB, {pipeline.KEPT_WHOLE_BYTES_AN_HOUR // MIB} MiB of them in an hour",
    "a list of dead letters: of each payload": f"{records.LONGEST_LETTER_BYTES // KIB} KiB",
    "dead letters that are replayed in one commit": f"{committer.REPLAYED_AT_ONCE}, {committer.REPLAYED_BYTES // MIB} MiB",
    "alerts, incidents, entries of the journal in one answer of the store": grouped(duckdb_records.MOST_RECORDS),
    "DuckDB: memory, processor": f"{duckdb_file.MEMORY_LIMIT.removesuffix('MB')} MB ({duckdb_file.TIDY_MEMORY_LIMIT.removesuffix('MB')} MB while parts of its file are put together, at most every ten minutes), {duckdb_file.THREADS} thread",
    "SensorThings: a page, an answer": f"{options.MOST_ON_PAGE}; {grouped(answers.MOST_ENTITIES)} entities, {sensorthings_routes.MOST_BYTES // MIB} MB",
    "SensorThings: a filter": f"{expression.MOST_CLAUSES} comparisons, {expression.MOST_SUMS} calculations, {expression.MOST_PARTS} parts, {expression.DEEPEST} levels, {expression.LONGEST_CHARACTERS} characters",
    "SensorThings, the past by NGSI-LD: one request": f"{grouped(api_windows.MOST_ROWS)} readings, {api_windows.MOST_READS} questions to the store",
    "SensorThings: Observations that are looked at one by one or sorted but by time": grouped(page.MOST_JUDGED),
    "NGSI-LD: a query": f"{query.MOST_TERMS} conditions, {query.DEEPEST} levels, {query.LONGEST_CHARACTERS} characters; patterns of {query.LONGEST_PATTERN} characters",
    "NGSI-LD: a page; the past": f"{ngsi_routes.MOST_ON_PAGE}; {temporal.MOST_ENTITIES} entities, {grouped(temporal.MOST_VALUES)} values",
    "NGSI-LD: subscriptions; how often one is notified": f"{ngsi_subscriptions.MOST}; every {ngsi_subscriptions.SHORTEST_S:.0f} s, {notifier.MOST_ENTITIES} entities",
    "detection: how far a reading may be behind, ahead": f"{windows.FURTHEST_BEHIND_S / 86_400:g} d, {windows.FURTHEST_AHEAD_S / 60:g} min",
}


def rows() -> dict[str, list[str]]:
    """Return the limits of the table, by what they are of."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text().partition("\n## All limits\n")[2].splitlines():
        if line.startswith("| "):
            what, limit, beyond = (cell.strip() for cell in line.strip("|").split(" | "))
            assert beyond, what
            found.setdefault(what, []).append(limit)
    return found


@pytest.mark.parametrize("what", LIMITS)
def test_limit_is_that_of_the_code(what: str) -> None:
    assert rows().get(what) == [LIMITS[what]]


def test_limits_that_are_said_once_are_the_same_everywhere() -> None:
    assert len(TOGETHER) == 1
    assert influx_store.MOST_RECORDS == duckdb_records.MOST_RECORDS
    assert records.LARGEST_LETTER_BYTES == message.LARGEST_PAYLOAD_BYTES
