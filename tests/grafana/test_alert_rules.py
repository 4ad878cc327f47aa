"""Rules for Grafana: each asks what the store can answer, and says what our own alerts say."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import yaml

from jeonju.airquality.limits import ADVISORY_LEVELS
from jeonju.grafana import alert_rules
from jeonju.grafana.__main__ import PROVISIONING, generated
from tests.grafana.reader import Reader

GROUPS = {group["name"]: group["rules"] for group in alert_rules.provisioned()["groups"]}
RULES = [rule for rules in GROUPS.values() for rule in rules]


def fires(reader: Reader, rule: dict[str, Any], *, at: datetime | None = None) -> dict[str, bool]:
    """Do what Grafana does with a rule; return by series whether it fires, and "" where nothing at all was answered."""
    asked, reduced = rule["data"]
    assert (rule["condition"], reduced["model"]["type"], reduced["model"]["reducer"]) == (
        reduced["refId"],
        "reduce",
        "last",
    )
    now = (at or reader.end).timestamp()
    series = reader.ask(asked["model"]["query"].replace("now()", f"{now * 1000:.0f}ms"))
    if not series:
        return {"": rule["noDataState"] == "Alerting"}
    assert all(len(row) == 2 for table in series for row in table["values"])
    return {"/".join(table.get("tags", {}).values()): table["values"][-1][1] != 0 for table in series}


def test_file_has_no_dollar_and_names_are_unique() -> None:
    # Grafana would put an environment variable in its place.
    assert "$" not in json.dumps(alert_rules.provisioned())
    assert len({rule["uid"] for rule in RULES}) == len({rule["title"] for rule in RULES}) == len(RULES)
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", rule["uid"]) for rule in RULES)


def test_every_level_of_the_law_has_a_rule_with_its_limit_and_hours() -> None:
    levels = [level for levels in ADVISORY_LEVELS.values() for level in levels]
    assert [rule["for"] for rule in GROUPS["jeonju-air-limits"]] == [f"{(level.hours - 1) * 3600}s" for level in levels]
    for rule, level in zip(GROUPS["jeonju-air-limits"], levels, strict=True):
        query = rule["data"][0]["model"]["query"]
        assert f'mean("{level.quantity}")' in query
        assert f">= {level.issue_at:g} " in query


def test_alerts_that_last_are_grafanas_alerts_too(reader: Reader) -> None:
    lasting = reader.ask('SELECT "id", "severity", "kind" FROM "alert" WHERE "ended_at" = 0')
    ours = {(row[1], row[2]) for series in lasting for row in series["values"]}
    firing = [
        (name, rule)
        for rule in GROUPS["jeonju-air-alerts"]
        for name, is_firing in fires(reader, rule).items()
        if name and is_firing
    ]
    assert {(name, rule["labels"]["severity"]) for name, rule in firing} == ours
    assert len(firing) == len(ours), "each once"
    assert {rule["labels"]["kind"] for _, rule in firing} == {"smoke", "other"}


def test_a_rule_says_what_where_and_what_to_do() -> None:
    rule = next(rule for rule in RULES if rule["uid"] == "jeonju-air-smoke-critical")
    notes = rule["annotations"]
    alert_id = "jeonju-smoke-palbok-04-20260120T021400"
    assert _filled(notes["device"], alert_id) == "palbok-04"
    assert "연기·화재 의심 · Suspected smoke or fire" in notes["summary"] or "연기·화재 의심 · " in notes["summary"]
    assert 'if eq . "palbok-04" }}제1산단 가운데 (First complex, middle)' in notes["summary"]
    assert re.search(r'"\^\(palbok\|[^"]*palbok-04[^"]*" \. \}\}팔복동 산업단지', notes["zone"])


def _filled(template: str, alert_id: str) -> str:
    """Do what Grafana does with the template of a place."""
    found = re.fullmatch(
        r'\{\{ reReplaceAll "(.*)" "" \(reReplaceAll "(.*)" "" \(index \.Labels "id"\)\) \}\}', template
    )
    assert found
    return re.sub(found[1], "", re.sub(found[2], "", alert_id))


def test_no_template_hands_on_a_label_that_may_be_missing() -> None:
    """Grafana makes the words of a rule also while it has no series, and then no labels: it logs an error for each."""
    for rule in RULES:
        for text in rule["annotations"].values():
            assert not re.search(r"(reReplaceAll|match)[^{}]* \.Labels\.", text), rule["uid"]


def test_links_lead_somewhere() -> None:
    files = generated()
    boards = {
        board["uid"]: board for path, text in files.items() if "dashboards/" in path for board in [json.loads(text)]
    }
    runbook = boards["jeonju-air-runbook-en"]
    for rule in RULES:
        notes = rule["annotations"]
        assert int(notes["__panelId__"]) in {panel["id"] for panel in boards[notes["__dashboardUid__"]]["panels"]}
        address = re.fullmatch(
            r"\{\{ externalURL \}\}d/jeonju-air-runbook-en(?:\?viewPanel=(\d+))?", notes["runbook_url"]
        )
        assert address, notes["runbook_url"]
        kind = rule["labels"]["kind"]
        if kind != "other":
            (panel,) = [panel for panel in runbook["panels"] if panel["id"] == int(address[1])]
            assert panel["title"] == kind


def test_only_one_rule_speaks_while_the_store_is_away_and_none_before_anything_was_stored() -> None:
    assert {rule["uid"] for rule in RULES if rule["execErrState"] != "OK"} == {"jeonju-air-store-away"}
    assert {rule["noDataState"] for rule in RULES} == {"OK"}


def test_limits_are_judged_by_the_hours_mean_of_each_device(reader: Reader) -> None:
    means = {
        series["tags"]["device"]: series["values"][0][1]
        for series in reader.ask(
            f"SELECT mean(pm25) FROM minutes.air_1m WHERE site = 'jeonju' AND time > {reader.start.timestamp():.0f}s GROUP BY device"
        )
    }
    rule = next(rule for rule in RULES if rule["uid"] == "jeonju-air-pm25-advisory")
    above = {f"{device}/jeonju" for device, mean in means.items() if mean >= 75}
    assert 0 < len(above) < len(means), "smoke for an hour is above the limit somewhere, not everywhere"
    assert {name for name, firing in fires(reader, rule).items() if firing} == above


def test_network_is_quiet_while_all_is_well_and_loud_when_nothing_comes(reader: Reader) -> None:
    silent, away = GROUPS["jeonju-air-network"]
    assert not any(fires(reader, silent).values())
    assert not any(fires(reader, away).values())
    # Not for a moment, and not only for an hour.
    assert not any(fires(reader, silent, at=reader.end + timedelta(minutes=4)).values())
    for later in (timedelta(minutes=11), timedelta(hours=3), timedelta(days=2)):
        assert list(fires(reader, silent, at=reader.end + later).values()) == [True]


def test_official_values_do_not_hide_that_nothing_else_comes(reader: Reader) -> None:
    """They come once an hour; before the city's own devices began, they were all that came."""
    silent, _ = GROUPS["jeonju-air-network"]
    before = reader.end - timedelta(hours=5, minutes=5)
    official = reader.ask(f"SELECT count(reading_count) FROM minutes.air_1m WHERE time < {before.timestamp():.0f}s")
    assert official[0]["values"][0][1] > 1000
    assert not any(fires(reader, silent, at=before).values())


def test_a_store_without_a_reading_raises_nothing(reader: Reader) -> None:
    before = reader.end - timedelta(days=400)
    for rule in (*GROUPS["jeonju-air-network"], *GROUPS["jeonju-air-limits"]):
        assert not any(fires(reader, rule, at=before).values()), rule["uid"]


def test_the_example_of_a_contact_point_is_complete() -> None:
    text = (PROVISIONING.parent / "contact-point-example.yaml").read_text(encoding="utf-8")
    example = yaml.safe_load(text)
    (point,) = example["contactPoints"]
    assert example["policies"][0]["receiver"] == point["name"]
    assert {receiver["type"] for receiver in point["receivers"]} == {"email", "webhook"}
    assert not list(PROVISIONING.glob("alerting/*.yaml")), "nobody's address is provisioned unasked"
