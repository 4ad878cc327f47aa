"""The documentation is part of the product: what the code knows must stand there."""

import re
from pathlib import Path
from typing import get_args

import pytest

from jeonju.airquality.pollutants import QUANTITIES, Quantity
from jeonju.contract import events
from jeonju.messages.alerts import KINDS

ROOT = Path(__file__).parents[1]
# Written in Korean for itself, shorter than the English page.
SHORTER = ROOT / "docs/another-city.ko.md"
ROOMS = sorted(path.name for path in (ROOT / "jeonju").iterdir() if path.is_symlink())


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.key)
def test_glossary_has_every_quantity_with_its_unit_and_range(quantity: Quantity) -> None:
    span = f"{quantity.minimum:g} … {quantity.maximum:g}"
    row = f"| `{quantity.key}` | {quantity.label_en} | {quantity.label_ko} | {quantity.unit} | {span} |"
    assert row in text("docs/glossary.md")


@pytest.mark.parametrize("kind", KINDS)
def test_every_alert_is_explained_and_has_a_heading_in_the_runbook(kind: str) -> None:
    assert f"`{kind}`" in text("docs/alerts.md")
    assert f"\n## {kind}\n" in text("docs/runbook.md")


def test_every_event_and_its_members_are_explained() -> None:
    page = text("docs/scenarios.md")
    for model in get_args(get_args(events.Event)[0]):
        kind = get_args(model.model_fields["kind"].annotation)[0]
        assert f"`{kind}`" in page
        for member in set(model.model_fields) - {"kind", "after", "title"}:
            assert re.search(rf"\b{member}\b", page), f"{kind}.{member}"


@pytest.mark.parametrize(
    "page",
    [path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]],
    ids=str,
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text(str(page))):
        assert (ROOT / page.parent / target).exists(), target


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT) for path in {*ROOT.glob("docs/**/*.ko.md")} - {SHORTER}), ids=str
)
def test_a_korean_page_has_the_parts_of_the_english_one(page: Path) -> None:
    def parts(of: Path) -> dict[str, int]:
        lines = text(str(of)).splitlines()
        starts = {"headings": "#", "rows": "|", "fences": "```", "pictures": "!["}
        return {name: sum(line.lstrip().startswith(start) for line in lines) for name, start in starts.items()}

    assert parts(page) == parts(page.with_name(page.name.replace(".ko.md", ".md")))


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_path_that_a_page_for_developers_names_exists(page: str) -> None:
    named = set(re.findall(r"`([\w.-]+/[\w./-]*)`", text(page)))
    assert named
    assert not sorted(path for path in named if not (ROOT / path).exists())


def test_every_room_stands_in_the_table_of_rooms() -> None:
    page = text("ARCHITECTURE.md")
    assert not {room for room in ROOMS if f"`{room}/`" not in page}


def test_every_setting_of_the_environment_is_in_the_one_table() -> None:
    page = text("docs/configuration.md")
    sources = [path for folder in ["jeonju", *ROOMS] for path in (ROOT / folder).rglob("*.py")]
    named = {
        name for path in sources for name in re.findall(r"\bJEONJU_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8"))
    }
    assert {"JEONJU_STORE", "JEONJU_LOG_FORMAT"} <= named
    assert not {name for name in named if f"`{name}`" not in page} - {"JEONJU_INGEST_STORE"}


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
