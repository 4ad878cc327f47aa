"""The score of detected events against the releases at METEC; `releases.csv` is read here and nowhere else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import numpy as np

from jeonju.common.errors import UserError
from jeonju.evaluation.release_detector import Event
from jeonju.evaluation.releases import MINUTE_S, Found, detect, find, read_site, read_unplaced
from jeonju.evaluation.tables import read_table

# The log score of an answer that gives the truth less than this is no worse.
LEAST_PROBABILITY: Final = 1e-9
# Lower ends of the classes of claims in the reliability picture.
CLAIMS_FROM: Final = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Release:
    """A controlled release."""

    start_s: float
    end_s: float
    source: str
    rate_kg_h: float


def evaluate_releases(
    folder: Path, on_progress: Callable[[float], None] = lambda _: None
) -> tuple[dict[str, Any], list[Found], list[Release]]:
    """Run the release detector and the source estimator over a folder of measurements and score them.

    Raises UserError for files, columns or numbers that are missing.
    """
    site = read_site(folder)
    releases = [
        Release(row.instant("start"), row.instant("end"), row.text("source"), row.number("rate_kg_h"))
        for row in read_table(folder, "releases.csv", ("start", "end", "source", "rate_kg_h"))
    ]
    names = [candidate.name for candidate in site.candidates]
    if unknown := {release.source for release in releases} - set(names):
        raise UserError(
            f"{folder / 'releases.csv'} names {', '.join(sorted(unknown))}, which sources.csv does not have"
        )
    found, reading = find(site, on_progress)
    return {**score(found, releases, names), "wind_read_as": reading}, found, releases


def has_places(folder: Path) -> bool:
    """Return whether a folder says where its sensors or sources are; without that only detection can be scored."""
    return any((folder / name).exists() for name in ("sensors.csv", "sources.csv"))


def evaluate_detection(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
    """Run the release detector over sensors whose places are not known, and score what it found; times without a zone are UTC.

    Raises UserError for files, columns or numbers that are missing.
    """
    site = read_unplaced(folder)
    rows = read_table(folder, "releases.csv", ("start", "end", "rate_kg_h"))
    releases = [
        Release(row.instant("start", zone=UTC), row.instant("end", zone=UTC), "", row.number("rate_kg_h"))
        for row in rows
    ]
    events = detect(site, on_progress)
    delays_min: dict[Release, float] = {}
    for event in events:
        for release in _over(event, releases):
            delays_min.setdefault(release, (event.started_s - release.start_s) / MINUTE_S)
    return {
        **_detection(releases, delays_min, len(events), sum(not _over(event, releases) for event in events)),
        "event_list": [
            {"start": _text(event.started_s), "end": _text(event.last_evidence_s), "reasons": event.reasons}
            for event in events
        ],
    }


def _over(event: Event, releases: Sequence[Release]) -> list[Release]:
    return [release for release in releases if _overlap_s(event, release) > 0]


def _detection(
    releases: Sequence[Release], delays_min: dict[Release, float], events: int, false: int
) -> dict[str, Any]:
    return {
        "releases": len(releases),
        "detected": len(delays_min),
        "events": events,
        "false_events": false,
        "median_delay_min": round(float(np.median(list(delays_min.values()))), 2) if delays_min else None,
    }


def score(found: list[Found], releases: list[Release], names: list[str]) -> dict[str, Any]:
    """Compare events with releases as the README of the data defines it; an event belongs to the release that it overlaps longest."""
    delays_min: dict[Release, float] = {}
    events = []
    for located in found:
        over = _over(located.event, releases)
        for release in over:
            delays_min.setdefault(release, (located.event.started_s - release.start_s) / MINUTE_S)
        longest = max(over, key=lambda release: _overlap_s(located.event, release), default=None)
        events.append(_described(located, longest, names))
    overlapping = [event for event in events if event["release"] is not None]
    named = [_judged(located, event, names) for located, event in zip(found, events, strict=True) if event["release"]]
    localized = [event for event in overlapping if event["source"] == event["release"]["source"]]
    fitting = [event for event in localized if 0.5 <= event["rate_kg_h"][1] / event["release"]["rate_kg_h"] <= 2.0]
    return {
        **_detection(releases, delays_min, len(events), len(events) - len(overlapping)),
        "localized": len(localized),
        "localized_fraction": _share(len(localized), len(overlapping)),
        "rate_within_x2": _share(len(fitting), len(localized)),
        "log_score": _mean([judged["log_score"] for judged in named]),
        "brier": _mean([judged["brier"] for judged in named]),
        "rate_coverage_90": _mean([float(judged["rate_inside"]) for judged in named]),
        "reliability": reliability([(judged["claim"], judged["is_right"]) for judged in named]),
        "event_list": events,
    }


def _overlap_s(event: Event, release: Release) -> float:
    return min(release.end_s, event.last_evidence_s) - max(release.start_s, event.started_s)


def _described(located: Found, truth: Release | None, names: list[str]) -> dict[str, Any]:
    estimate = located.estimate
    return {
        "start": _text(located.event.started_s),
        "end": _text(located.event.last_evidence_s),
        "release": None if truth is None else {"source": truth.source, "rate_kg_h": truth.rate_kg_h},
        "source": names[estimate.best],
        "probability": round(float(estimate.probability[estimate.best]), 3),
        "unsure": estimate.is_unsure(),
        "rate_kg_h": [round(float(value), 3) for value in estimate.rates[estimate.best]],
        "reasons": located.event.reasons,
    }


def _judged(located: Found, event: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return what the probabilities of one event are worth: those of the sources, and the 90 % interval of the true source's rate."""
    estimate, truth = located.estimate, names.index(event["release"]["source"])
    happened = np.zeros(len(names) + 1)
    happened[truth] = 1.0
    low, _, high = estimate.rates[truth]
    return {
        "log_score": -float(np.log(max(estimate.probability[truth], LEAST_PROBABILITY))),
        "brier": float(((np.append(estimate.probability, estimate.elsewhere) - happened) ** 2).sum()),
        "rate_inside": bool(low <= event["release"]["rate_kg_h"] <= high),
        "claim": float(estimate.probability[estimate.best]),
        "is_right": estimate.best == truth,
    }


def reliability(claims: Sequence[tuple[float, bool]]) -> list[dict[str, Any]]:
    """Return of each class of claims how many there are, what they say on average, and how often they are right; classes without one are left out."""
    edges = np.array(CLAIMS_FROM)
    class_of = [int(np.searchsorted(edges, claim, side="right")) - 1 for claim, _ in claims]
    rows = []
    for number, lower in enumerate(CLAIMS_FROM):
        mine = [claim for claim, which in zip(claims, class_of, strict=True) if which == number]
        if mine:
            said, right = (np.mean([claim[k] for claim in mine]) for k in (0, 1))
            rows.append(
                {"from": lower, "claims": len(mine), "said": round(float(said), 4), "right": round(float(right), 4)}
            )
    return rows


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _text(time_s: float) -> str:
    return f"{np.datetime64(int(time_s), 's')}Z"
