"""The pages of the site: the repository's own, at the same places as there, so that links between them hold.

What pages link to comes along: files as they are, folders as a list of their pages.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
# Every page that lies here is taken, also one that is written tomorrow.
PAGES: Final = (
    "README*.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**/*.md",
    "docs/**/*.ipynb",
    "*/README.md",
    "decoders/*/README.md",
)
_NOT_OURS: Final = frozenset({"build", "node_modules", "data", "out"})
_LINK: Final = re.compile(r"(?<=\]\()(?!\w+:|#|/|<)([^)#\s]+)(?=[)#\s])")
_FENCE: Final = re.compile(r"^\s*(```|~~~)")
_ITEM: Final = re.compile(r"^(\s*)([-*+]|\d+[.)])\s+")
INDEX: Final = "index.md"
KOREAN_PAGE: Final = ".ko"


def gather(target: Path) -> None:
    """Copy pages, and what they link to, into an empty folder."""
    waiting = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern)) if _is_ours(path)]
    done = set[Path]()
    while waiting:
        path = waiting.pop()
        if path in done:
            continue
        done.add(path)
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            _list_folder(path, copy, waiting)
        elif path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
            linked = list(_linked(path, text))
            waiting += linked
            copy.write_text(as_python_markdown(_to_pages(path, text)), encoding="utf-8")
        else:
            shutil.copyfile(path, copy)
            if path.suffix == ".ipynb":
                copy.with_suffix(".md").write_text(_notebook(path), encoding="utf-8")


def _notebook(path: Path) -> str:
    """Return a notebook as a page: its words, its code, and where the file is."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = [
        "".join(cell["source"]) if cell["cell_type"] == "markdown" else f"```python\n{''.join(cell['source'])}\n```"
        for cell in cells
    ]
    return "\n\n".join([*parts, f"[The notebook]({path.name})"]) + "\n"


def title_of(page: Path) -> str:
    """Return the first heading of a page."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line.removeprefix("# ").strip()
    return page.stem


def as_python_markdown(text: str) -> str:
    """Return a page as GitHub reads it for Python-Markdown, which wants an empty line before a list, and four spaces within one."""
    lines, before, in_list = list[str](), "", False
    # How much further code within a list stands on the site; None outside of code.
    shift: int | None = None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        if shift is None:
            item = _ITEM.match(line)
            # After a heading or another item a list goes on by itself; after a paragraph, also one within a list, it does not.
            follows_text = bool(before.strip()) and not before.startswith("#") and not _ITEM.match(before)
            if item and follows_text and (not in_list or (not item[1] and before.startswith(" "))):
                lines.append("")
            in_list = bool(item) or (in_list and (not line.strip() or indent > 0 or bool(before.strip())))
            more = max(4 - indent, 0) if in_list and indent else 0
        else:
            more = shift
        lines.append(" " * more + line if line.strip() else "")
        if _FENCE.match(line):
            shift = more if shift is None else None
        before = line
    return "\n".join(lines) + "\n"


def _is_ours(path: Path) -> bool:
    first = path.relative_to(ROOT).parts[0]
    return first not in _NOT_OURS and not first.startswith(".")


def _linked(page: Path, text: str) -> Iterator[Path]:
    """Yield the files and folders of the repository that a page links to."""
    for found in _LINK.findall(text):
        path = (page.parent / found).resolve()
        if path.is_relative_to(ROOT) and path.exists():
            yield _page_of(path)


def _page_of(path: Path) -> Path:
    readme = path / "README.md"
    return readme if path.is_dir() and readme.exists() else path


def _to_pages(page: Path, text: str) -> str:
    """Let links to folders lead to their page."""

    def better(found: re.Match[str]) -> str:
        path = (page.parent / found[1]).resolve()
        if not path.is_dir():
            return found[1].replace(".ipynb", ".md")
        name = "README.md" if (path / "README.md").exists() else INDEX
        return f"{found[1].rstrip('/')}/{name}"

    return _LINK.sub(better, _to_one_of_two_languages(page, text))


def _to_one_of_two_languages(page: Path, text: str) -> str:
    """Let links to the same page in the other language lead to the page: the site chooses the language, which has headings of its own."""
    name = page.name.replace(f"{KOREAN_PAGE}.md", ".md")
    twin = re.escape(name).replace(r"\.md", rf"(?:{re.escape(KOREAN_PAGE)})?\.md")
    return re.sub(rf"(?<=\]\(){twin}(#[^)\s]*)?(?=\))", name, text)


def _list_folder(folder: Path, copy: Path, waiting: list[Path]) -> None:
    """Write a page that lists a folder, and let its pages and files come along."""
    copy.mkdir(parents=True, exist_ok=True)
    rows = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__")) or path.name == INDEX:
            continue
        page = _page_of(path)
        if page.suffix == ".md":
            rows.append(f"- [{title_of(page)}]({page.relative_to(folder).as_posix()})")
        elif path.is_file():
            rows.append(f"- [{path.name}]({path.name})")
        else:
            continue
        waiting.append(page)
    name = folder.relative_to(ROOT).as_posix()
    (copy / INDEX).write_text(f"# {name}\n\n" + "\n".join(rows) + "\n", encoding="utf-8")
