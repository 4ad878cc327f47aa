"""The documentation as a site: what GitHub reads is read the same, new pages come by themselves, and what does not hold is noticed."""

import re
from pathlib import Path

import pytest
from markdown import markdown

from docsite import __main__ as docsite_main
from docsite import source
from docsite.navigation import PLACED, navigation
from docsite.reference import write_reference
from docsite.source import as_python_markdown, gather
from jeonju.client import Client
from tests.test_docs import ROOT


def html(text: str) -> str:
    return " ".join(
        markdown(as_python_markdown(text), extensions=["tables", "pymdownx.superfences", "sane_lists"]).split()
    )


def test_lists_are_lists_without_an_empty_line_before_them() -> None:
    assert html("Said:\n- one\n- two\n") == "<p>Said:</p> <ul> <li>one</li> <li>two</li> </ul>"


def test_what_belongs_to_an_item_stays_in_it() -> None:
    found = html("1. one\n   ```text\n   - x:\n     y\n   ```\n\n   More.\n2. two\n   - inner\n3. three\n")
    assert found.count("<ol") == 1
    assert len(re.findall("<li>", found)) == 4
    assert "- x: y" in found
    assert found.index("More.") < found.index("two")


def test_code_is_left_alone() -> None:
    text = "```text\nsaid:\n- one\n   - two\n```\n"
    assert as_python_markdown(text) == text


def test_a_new_page_is_a_guide_and_what_it_links_to_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "ROOT", tmp_path / "repository")
    pages = {
        "README.md": "# Start\n[한국어](README.ko.md), [new](docs/new.md)\n",
        "README.ko.md": "# 시작\n[English](README.md#start)\n",
        "docs/new.md": "# New\n[a file](../rooms/settings.toml), [a folder](decisions)\n",
        "docs/decisions/0001-one.md": "# 1 · One\n",
        "rooms/settings.toml": "a = 1\n",
        "rooms/secret.toml": "b = 2\n",
    }
    for name, text in pages.items():
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    target = tmp_path / "site"
    gather(target)
    assert (target / "rooms/settings.toml").exists()
    assert not (target / "rooms/secret.toml").exists()
    assert "(decisions/index.md)" in (target / "docs/new.md").read_text()
    assert "[1 · One](0001-one.md)" in (target / "docs/decisions/index.md").read_text()
    assert "(README.md)" in (target / "README.ko.md").read_text()
    assert {"Guides": ["docs/new.md"]} in navigation(target)


@pytest.mark.parametrize(
    ("link", "status"),
    [
        ("../README.md#start", 0),
        ("../README.md#nowhere", 1),
        ("nothing.md", 1),
        ("https://elsewhere.example/nothing", 0),
    ],
)
def test_broken_links_and_anchors_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str, status: int) -> None:
    root = tmp_path / "repository"
    for page in {"README.md", "docs/new.md", *PLACED}:
        (root / page).parent.mkdir(parents=True, exist_ok=True)
        (root / page).write_text(f"# Start\n\n[there]({link})\n" if page == "docs/new.md" else "# Start\n")
    monkeypatch.setattr(source, "ROOT", root)
    monkeypatch.setattr(docsite_main, "write_reference", lambda folder: None)
    assert docsite_main.main(tmp_path / "site") == status
    assert (tmp_path / "site/ko/docs/new/index.html").exists() or status


def test_reference_has_every_command_route_setting_and_method(tmp_path: Path) -> None:
    write_reference(tmp_path)
    commands, api, settings, client = (
        (tmp_path / f"{name}.md").read_text() for name in ("cli", "api", "settings", "client")
    )
    for command in ("jeonju up", "jeonju export", "jeonju dead-letters replay", "jeonju evaluate dispersion"):
        assert f"\n## {command}\n" in commands
    assert "| `--every` | Means over so many seconds, not readings. |  |" in commands
    assert "\n### GET /api/v1/export\n" in api
    assert "| `roughness_m` | `float` | `0.8` |" in settings
    assert "`channels`: Webhook" in settings
    public = {name for name in vars(Client) if not name.startswith("_")}
    assert not {name for name in public if f"\n### Client.{name}\n" not in client}


def test_every_page_of_the_documentation_has_a_place(tmp_path: Path) -> None:
    gather(tmp_path)
    write_reference(tmp_path / "docs/reference")
    placed = str(navigation(tmp_path))
    pages = [path for path in ROOT.glob("docs/**/*.md") if not path.stem.endswith(".ko")]
    assert len(pages) > 60
    assert not [page.name for page in pages if page.relative_to(ROOT).as_posix() not in placed]


@pytest.mark.parametrize("name", ["simulate", "watch", "connect"])
def test_tutorials_are_in_both_languages_with_the_same_commands(name: str) -> None:
    def commands(path: str) -> list[str]:
        blocks = re.findall(r"```sh\n(.*?)```", (ROOT / path).read_text(encoding="utf-8"), re.DOTALL)
        return [block for block in blocks if "add" not in block]

    assert commands(f"docs/tutorials/{name}.md") == commands(f"docs/tutorials/{name}.ko.md")
