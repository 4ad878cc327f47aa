"""Where pages stand in the navigation: some have a place, all others come by themselves under Guides."""

from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from docsite.source import title_of

KOREAN: Final = MappingProxyType(
    {
        "Start": "시작하기",
        "Tutorials": "따라 하기",
        "Guides": "안내서",
        "Reference": "레퍼런스",
        "Formats": "형식",
        "Parts": "구성 요소",
        "Measured": "측정 결과",
        "Project": "프로젝트",
        "Decisions": "설계 결정",
    }
)
_TUTORIALS: Final = tuple(f"docs/tutorials/{name}.md" for name in ("simulate", "watch", "connect"))
_MEASURED: Final = tuple(f"docs/{name}.md" for name in ("performance", "validation", "smoke"))
_PROJECT: Final = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/licences.md")
_REFERENCE: Final = ("docs/configuration.md", "docs/glossary.md")
# Pages that have a place of their own.
PLACED: Final = ("README.md", *_TUTORIALS, *_MEASURED, *_PROJECT, *_REFERENCE)


def navigation(source: Path) -> list[Any]:
    """Return the navigation of the pages in a folder."""
    pages = {path.relative_to(source).as_posix() for path in source.rglob("*.md") if not path.stem.endswith(".ko")}
    taken = set(PLACED)
    reference = sorted(page for page in pages if page.startswith("docs/reference/"))
    decisions = sorted(page for page in pages if page.startswith("docs/decisions/"))
    formats = sorted(page for page in pages if page.startswith("decoders/"))
    parts = sorted(page for page in pages if page.endswith("/README.md") and page not in formats)
    taken |= {*reference, *decisions, *formats, *parts}
    guides = sorted(
        (page for page in pages - taken if page.startswith("docs/")), key=lambda page: title_of(source / page).lower()
    )
    return [
        {"Start": "README.md"},
        {"Tutorials": list(_TUTORIALS)},
        {"Guides": guides},
        {"Reference": [*reference, *_REFERENCE]},
        {"Formats": formats},
        {"Parts": parts},
        {"Measured": list(_MEASURED)},
        {"Project": [*_PROJECT, {"Decisions": decisions}]},
    ]
