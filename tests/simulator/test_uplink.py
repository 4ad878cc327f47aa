"""The uplink of devices: sequence numbers, faults, and what a lost link holds back and sends afterwards."""

from typing import Any

import numpy as np
import pytest

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.events import EVENT, Fault
from jeonju.simulator.block import Readings
from jeonju.simulator.uplink import Uplink

DEVICES = ("a", "b")
PM25, CO = KEYS.index("pm25"), KEYS.index("co")
Row = tuple[str, float, int, int]  # device, time by its clock, boot, seq


def fault(kind: str, device: str = "a", **settings: Any) -> Fault:
    event = EVENT.validate_python({"kind": "fault", "device": device, "fault": kind, **settings})
    assert isinstance(event, Fault)
    return event


class Line:
    """An uplink to which blocks of seconds are given; the value of every quantity is the time."""

    def __init__(self) -> None:
        self.uplink = Uplink(DEVICES, boot=100)
        self.now_s = 0
        self.offline: frozenset[str] = frozenset()

    def send(self, seconds: int) -> Readings:
        times = np.arange(self.now_s + 1, self.now_s + seconds + 1, dtype=float)
        self.now_s += seconds
        values = np.broadcast_to(times[:, None, None], (seconds, len(DEVICES), len(KEYS))).copy()
        place = np.zeros((seconds, len(DEVICES)))
        readings, self.offline = self.uplink.send(times, values, place, place)
        return readings

    def rows(self, seconds: int, device: str | None = None) -> list[Row]:
        readings = self.send(seconds)
        rows = [
            (DEVICES[int(number)], float(at), int(boot), int(seq))
            for number, at, boot, seq in zip(
                readings.device, readings.times_s, readings.boot, readings.seq, strict=True
            )
        ]
        return [row for row in rows if device in (None, row[0])]

    def values(self, seconds: int, key: int, device: str = "a") -> list[float]:
        readings = self.send(seconds)
        return readings.values[readings.device == DEVICES.index(device), key].tolist()


def test_every_device_counts_its_readings_from_zero_over_blocks() -> None:
    line = Line()
    assert line.rows(2) == [("a", 1, 100, 0), ("b", 1, 100, 0), ("a", 2, 100, 1), ("b", 2, 100, 1)]
    assert line.rows(1) == [("a", 3, 100, 2), ("b", 3, 100, 2)]


def test_silent_device_sends_nothing_and_its_sequence_shows_the_gap() -> None:
    line = Line()
    line.uplink.faults.add(fault("silent", duration=3), start_s=2.0)
    assert [row[1] for row in line.rows(3, "a")] == [1.0]
    assert line.offline == {"a"}
    # From 2 s up to but not at 5 s.
    assert line.rows(3, "a") == [("a", 5, 100, 4), ("a", 6, 100, 5)]
    assert line.offline == frozenset()


def test_fault_without_a_duration_lasts() -> None:
    line = Line()
    line.uplink.faults.add(fault("silent"), start_s=1.0)
    assert [line.rows(100, "a") for _ in range(3)] == [[], [], []]


def test_stuck_quantity_keeps_its_first_value_over_blocks_and_others_go_on() -> None:
    line = Line()
    line.uplink.faults.add(fault("stuck", quantity="pm25", duration=5), start_s=3.0)
    assert line.values(4, PM25) == [1, 2, 3, 3]
    assert line.values(4, PM25) == [3, 3, 3, 8]
    other = Line()
    other.uplink.faults.add(fault("stuck", quantity="pm25"), start_s=3.0)
    assert other.values(4, CO) == [1, 2, 3, 4]
    assert other.values(2, PM25, "b") == [5, 6]


def test_stuck_device_keeps_every_quantity() -> None:
    line = Line()
    line.uplink.faults.add(fault("stuck"), start_s=2.0)
    readings = line.send(4)
    assert readings.values[readings.device == 0][-1].tolist() == [2.0] * len(KEYS)


def test_spike_adds_its_size_and_drift_grows_by_its_size_a_day() -> None:
    spiking, drifting = Line(), Line()
    spiking.uplink.faults.add(fault("spike", quantity="co", size=100, duration=1), start_s=2.0)
    assert spiking.values(3, CO) == [1, 102, 3]
    drifting.uplink.faults.add(fault("drift", quantity="co", size=8640), start_s=1.0)
    assert drifting.values(3, CO) == pytest.approx([1, 2.1, 3.2])


def test_wrong_clock_shifts_what_the_device_says_and_nothing_else() -> None:
    line = Line()
    line.uplink.faults.add(fault("clock-skew", size=-600, duration=1), start_s=2.0)
    assert line.rows(3, "a") == [("a", 1, 100, 0), ("a", -598, 100, 1), ("a", 3, 100, 2)]


def test_repeated_readings_come_twice_with_the_same_number() -> None:
    line = Line()
    line.uplink.faults.add(fault("repeated", duration=1), start_s=2.0)
    assert [row[3] for row in line.rows(3, "a")] == [0, 1, 1, 2]


def test_reordered_readings_change_places_in_pairs_and_none_is_lost() -> None:
    line = Line()
    line.uplink.faults.add(fault("reordered"), start_s=0.0)
    assert [row[3] for row in line.rows(5, "a")] == [1, 0, 3, 2, 4]
    assert [row[3] for row in line.rows(2, "b")] == [5, 6]


def test_restart_is_another_boot_that_counts_from_zero() -> None:
    line = Line()
    line.uplink.faults.add(fault("reboot", duration=2), start_s=3.0)
    assert line.rows(3, "a") == [("a", 1, 100, 0), ("a", 2, 100, 1)]
    assert line.offline == {"a"}
    assert line.rows(3, "a") == [("a", 5, 101, 2), ("a", 6, 101, 3)]
    line.uplink.faults.add(fault("reboot", duration=1), start_s=7.0)
    assert line.rows(2, "a") == [("a", 8, 102, 1)]
    assert line.rows(1, "b") == [("b", 9, 100, 8)]


def test_lost_link_holds_readings_back_and_sends_them_first_when_it_is_there_again() -> None:
    line = Line()
    line.uplink.lose("a", 2.0, 5.0)
    assert line.rows(3) == [("a", 1, 100, 0), ("b", 1, 100, 0), ("b", 2, 100, 1), ("b", 3, 100, 2)]
    assert line.offline == {"a"}
    back = line.rows(3)
    assert line.offline == frozenset()
    assert [row[3] for row in back if row[0] == "a"] == [1, 2, 3, 4, 5]
    assert [row[0] for row in back[:3]] == ["a", "a", "a"]
    assert [row[3] for row in line.rows(2, "a")] == [6, 7]


def test_faults_before_a_lost_link_are_in_what_was_held_back() -> None:
    line = Line()
    line.uplink.lose("a", 1.0, 4.0)
    line.uplink.faults.add(fault("silent", duration=1), start_s=2.0)
    assert line.rows(3, "a") == []
    assert [row[1] for row in line.rows(1, "a")] == [1, 3, 4]
