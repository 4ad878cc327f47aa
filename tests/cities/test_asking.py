"""`jeonju site new` in a terminal: it asks in Korean or English, and an empty answer takes the default."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from jeonju.contract.site import load_site


@pytest.mark.parametrize(("language", "question"), [("ko", "어느 도시입니까?"), ("en", "Which city?")])
def test_what_is_not_given_is_asked(language: str, question: str, tmp_path: Path) -> None:
    own, theirs = pty.openpty()
    command = [sys.executable, "-m", "jeonju", "site", "new", "--language", language, "--robots", "2"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, close_fds=True) as asking:
        os.close(theirs)
        # Place, name, both labels, stations, height.
        os.write(own, "강남구\nmy-city\n\nMy city\n5\n\n".encode())
        said = b""
        while True:
            try:
                chunk = os.read(own, 4096)
            except OSError:
                break
            if not chunk:
                break
            said += chunk
        assert asking.wait() == 0, said.decode()
    os.close(own)
    assert question in said.decode()
    site = load_site(tmp_path / "my-city.toml")
    assert (site.label_ko, site.label_en, len(site.stations), len(site.robots)) == ("강남구", "My city", 5, 2)
