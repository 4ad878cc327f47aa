"""Write everything that is generated: `python -m jeonju.grafana`, or `make dashboards`."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from jeonju.common.errors import UserError
from jeonju.grafana import (
    air_report,
    alert_rules,
    city_now,
    network_health,
    robots,
    runbook,
    scenario_review,
    smoke_incidents,
    zone_station,
)
from jeonju.grafana.language import ENGLISH, LANGUAGES, Language

PROVISIONING: Final = Path(__file__).with_name("provisioning")
DASHBOARDS: Final = (city_now, zone_station, smoke_incidents, robots, network_health, scenario_review, air_report)


def generated() -> dict[str, str]:
    """Return the content of every generated file, by its path in `provisioning/`."""
    files = {"alerting/jeonju-air.json": _text(alert_rules.provisioned())}
    for language in LANGUAGES:
        for module in DASHBOARDS:
            name = module.__name__.rpartition(".")[2].replace("_", "-")
            files[f"dashboards/{language.code}/{name}.json"] = _text(_board(module.build(language).build(), language))
    files[f"dashboards/{ENGLISH.code}/{runbook.NAME}.json"] = _text(_board(runbook.build().build(), ENGLISH))
    return files


def main() -> None:
    """Write them all."""
    for path, text in generated().items():
        file = PROVISIONING / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _board(dashboard: Dashboard, say: Language) -> dict[str, Any]:
    """Return what Grafana takes.

    Every panel gets a number, by which links and Grafana's own pages find it. Variables get no `id`: the toolkit gives the same one to all,
    and Grafana 9, which keys them by it, then finds none of them and leaves the dashboard blank. Without one it keys them by their names.
    """
    for number, panel in enumerate(dashboard.panels or (), start=1):
        panel.id_val = number
    board: dict[str, Any] = json.loads(_text(dashboard))
    for variable in board["templating"].get("list", []):
        del variable["id"]
    for panel in board["panels"]:
        # The title says which time a panel shows; Grafana would print it over the title once more.
        if "timeFrom" in panel:
            panel["hideTimeOverride"] = True
        # Grafana's own "No data" is English for everybody.
        panel.setdefault("fieldConfig", {"defaults": {}, "overrides": []})["defaults"].setdefault(
            "noValue", say("자료 없음", "No data")
        )
    return board


def _text(content: Any) -> str:
    return json.dumps(content, cls=JSONEncoder, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.stderr.write(f"dashboards: {error}\n")
        sys.exit(2)
