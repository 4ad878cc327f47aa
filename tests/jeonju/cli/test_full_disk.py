"""Commands whose disk becomes full, or is."""

import shutil
import signal
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from jeonju.contract.records import LedgerEntry
from jeonju.storage.duckdb.store import DuckDBStore
from tests.disks import enlarge, small_disk
from tests.jeonju.cli.command import jeonju, jeonju_process
from tests.processes import started
from tests.waiting import wait_until


def test_full_disk_is_said_in_one_line_and_loses_nothing(tmp_path: Path) -> None:
    """Whether broker or store finds the disk full first depends on which of them was quicker: the broker waits, the store ends `up`."""
    with small_disk(tmp_path / "disk", "12m") as disk:
        up = ["up", "--data", str(disk), "--port", "0", "--mqtt-port", "0", "--history", "12h", "--for"]
        command = [sys.executable, "-m", "jeonju", *up, "300s"]
        with started(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            wait_until(
                lambda: process.poll() is not None or shutil.disk_usage(disk).free < 64 * 1024,
                within_s=300,
                what="the disk to be full",
            )
            enlarge(disk, "200m")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=120)
        assert "Traceback" not in said
        if process.returncode == 2:
            assert "No space left on device" in " ".join(said.split())
            assert "free some space" in " ".join(said.split())
        before = _ledger(disk)
        assert jeonju_process(*up, "25s").returncode == 0
        after = _ledger(disk)
        assert len(after) == 26
        assert all(entry.received > before[device].received for device, entry in after.items() if device in before)
        assert {entry.missing for entry in after.values()} == {0}


@pytest.mark.parametrize(
    "command",
    [
        "device setup --security {disk}/security",
        "setup --secrets {disk}/secrets --security {disk}/security",
        "key add console --keys {disk}/keys.json",
        "up --data {disk} --port 0 --mqtt-port 0",
    ],
)
def test_commands_on_a_full_disk_say_it_in_one_line(command: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "16k") as disk:
        with (disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        done = jeonju_process(*command.format(disk=disk).split())
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "No space left on device; free some space" in " ".join(done.stderr.split())


def test_run_on_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "6m") as disk:
        done = jeonju("run", "winter-day", "--out", disk / "run")
        assert done.returncode == 2
        assert f"cannot write {disk}/run/" in " ".join(done.stderr.split())
        assert "No space left on device; free some space or choose another --out" in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
        assert not [file for file in disk.rglob("*") if file.is_file()]


def _ledger(data: Path) -> dict[str, LedgerEntry]:
    with closing(DuckDBStore(data / "air.duckdb")) as store:
        return {entry.device: entry for entry in store.ledger("jeonju")}
