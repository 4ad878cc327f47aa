"""What holds for both reports of a sweep: each in its language, pictures too, with the same numbers."""

import base64
import html
import re
from pathlib import Path

# Names and units that are the same in Korean: files, formats, devices, the other language.
NAMES = re.compile(r"[\w.]+\.(?:parquet|nc)|runs/|CF-NetCDF|PM2\.5|English|[a-z]+-\d+(?:-\d+)?|robot-\d+")


def check_reports(folder: Path, *, pictures: int) -> None:
    """Fail where a sentence is left in the other language, a letter unfilled, or a number differs."""
    said = {}
    for name in ("report.html", "report.ko.html"):
        page = (folder / name).read_text(encoding="utf-8")
        drawn = [base64.b64decode(data).decode() for data in re.findall(r"svg\+xml;base64,([^\"]*)", page)]
        assert len(drawn) == page.count("<img") == pictures
        said[name] = text_of(re.sub(r"(?s)<style>.*?</style>", "", page))
        assert "$" not in said[name]
        labels = " ".join(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", one)) for one in drawn)
        assert labels.strip()
        if name == "report.html":
            assert re.findall("[가-힣]+", said[name] + labels) == ["한국어"]
        else:
            assert re.findall("[A-Za-z]{3,}", NAMES.sub("", said[name] + labels)) == []
    english, korean = (sorted(re.findall(r"\d+(?:\.\d+)?", text)) for text in said.values())
    assert english == korean


def text_of(page: str) -> str:
    """Return what a page says, the other descriptions of pictures included."""
    alts = " ".join(re.findall(r'alt="([^"]*)"', page))
    return html.unescape(re.sub("<[^>]*>", " ", page)) + alts
