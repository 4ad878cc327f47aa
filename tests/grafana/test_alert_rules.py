"""Rules for Grafana: each asks what the store can answer, and says what our own alerts say."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

from jeonju.airquality.limits import ADVISORY_LEVELS
from jeonju.grafana import alert_rules
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
        question = rule["data"][0]["model"]["query"]
        assert f'mean("{level.quantity}")' in question
        assert f">= {level.issue_at:g} " in question


def test_alerts_that_last_are_grafanas_alerts_too(reader: Reader) -> None:
    lasting = reader.ask('SELECT "id", "severity" FROM "alert" WHERE "ended_at" = 0')
    ours = {(row[1], row[2]) for series in lasting for row in series["values"]}
    mirrored = GROUPS["jeonju-air-alerts"]
    theirs = {
        (name, rule["labels"]["severity"])
        for rule in mirrored
        for name, firing in fires(reader, rule).items()
        if firing
    }
    assert ours == theirs
    assert any(severity == "critical" for _, severity in ours), "the fire of the scenario was not found"


def test_limits_are_judged_by_the_hours_mean_of_each_device(reader: Reader) -> None:
    means = {
        series["tags"]["device"]: series["values"][0][1]
        for series in reader.ask(
            f"SELECT mean(pm25) FROM raw.air WHERE site = 'jeonju' AND time > {reader.start.timestamp():.0f}s GROUP BY device"
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
    assert fires(reader, silent, at=reader.end + timedelta(days=1)) == {"": True}
