"""A sweep from its options to its report."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from distributed import Client

from jeonju.common.errors import UserError
from jeonju.contract.site import load_site
from jeonju.evaluation.sweep.cluster import SweepError, play_all, reason_of, workers
from jeonju.evaluation.sweep.folder import SweepFolder
from jeonju.evaluation.sweep.placed import Placed
from jeonju.evaluation.sweep.placement import choose, choose_loop, gain_of_each, with_candidates
from jeonju.evaluation.sweep.play import Setup
from jeonju.evaluation.sweep.report import REPORTS, write_reports
from jeonju.evaluation.sweep.results import dataset, summary, write
from jeonju.evaluation.sweep.variation import check, parse
from jeonju.simulator.nature.names import NatureName
from jeonju.simulator.scenario import Scenario

# All runs' minute means are in memory when the quantiles are taken: a run of an hour and 26 devices has 6 kB.
MOST_RUNS: Final = 20_000


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is asked for; `placement` is how many more stations are to be placed."""

    scenario: Scenario
    runs: int
    vary: tuple[str, ...]
    out: Path
    seed: int = 1
    nature: NatureName = "puffs"
    scheduler: str | None = None
    processes: int = 1
    placement: int = 0

    def run(self, on_progress: Callable[[float], None] = lambda _share: None) -> dict[str, Any]:
        """Play what is not finished yet, write results and report, and return the figures.

        Raises UserError for options that do not fit, a folder that cannot be used, and workers that are gone.
        """
        site = load_site(self.scenario.site)
        variations = parse(self.vary)
        check(self.scenario, site, variations)
        setup = Setup(scenario=self.scenario, site=site, variations=variations, seed=self.seed, nature=self.nature)
        if self.placement:
            wide, candidates = with_candidates(site)
            setup = replace(setup, site=wide, candidates=candidates)
        with workers(self.scheduler, self.processes) as client:
            parts = 3 if self.placement else 1
            folder = SweepFolder(self.out, setup)
            failed = self._play(client, setup, folder, lambda share: on_progress(share / parts))
            runs = sorted(folder.finished() & set(range(self.runs)))
            if not runs:
                raise UserError(f"all {self.runs} runs failed: {next(iter(failed.values()))}")
            result = dataset(setup, folder, runs)
            placed = (
                self._place(client, setup, folder.rows(runs), lambda share: on_progress((1 + 2 * share) / parts))
                if self.placement
                else None
            )
        write(result, self.out)
        write_reports(setup, result, placed, self.out)
        return self._figures(summary(result), failed, placed)

    def _play(
        self, client: Client, setup: Setup, folder: SweepFolder, on_progress: Callable[[float], None]
    ) -> dict[int, str]:
        """Play what the folder does not hold; return why runs failed."""
        missing = sorted(set(range(self.runs)) - folder.finished())
        done, failed = self.runs - len(missing), dict[int, str]()
        on_progress(done / self.runs)
        try:
            for run, outcome in play_all(client, setup, missing):
                if isinstance(outcome, Exception):
                    failed[run] = reason_of(outcome)
                else:
                    folder.keep(outcome)
                done += 1
                on_progress(done / self.runs)
        except SweepError as error:
            raise SweepError(f"{error}: {len(folder.finished())} of {self.runs} runs are in {folder.path}") from error
        return failed

    def _place(
        self, client: Client, setup: Setup, rows: list[dict[str, Any]], on_progress: Callable[[float], None]
    ) -> Placed:
        """Choose stations and a loop, and play runs of their own without anything more, with the stations, and with the loop instead."""
        before_s, chosen = choose(setup.site, setup.candidates, rows, self.placement)
        loop = choose_loop(setup.site, setup.candidates, rows)
        stations, robots = (
            [one for one in devices if one.name not in setup.candidates]
            for devices in (setup.site.stations, setup.site.robots)
        )
        networks = {"without": (stations, robots), "with": ([*stations, *(one.station for one in chosen)], robots)}
        if loop is not None:
            networks["loop"] = (stations, [*robots, loop.robot])
        measured = []
        for number, (name, (of_stations, of_robots)) in enumerate(networks.items()):
            # Other seeds than those that they were chosen by.
            site = setup.site.model_copy(update={"stations": of_stations, "robots": of_robots})
            site = site.model_validate(site.model_dump())
            fresh = replace(setup, site=site, candidates=frozenset(), seed=self.seed + 1_000_000)
            folder = SweepFolder(self.out / "placement" / name, fresh)
            self._play(
                client,
                fresh,
                folder,
                lambda share, number=number: on_progress((number + share) / len(networks)),  # type: ignore[misc]
            )
            measured.append(summary(dataset(fresh, folder, sorted(folder.finished() & set(range(self.runs))))))
        gains_s = gain_of_each(setup.site, setup.candidates, rows)
        return Placed(before_s, chosen, gains_s, loop, *measured)

    def _figures(self, figures: dict[str, Any], failed: dict[int, str], placed: Placed | None) -> dict[str, Any]:
        out = {
            **figures,
            "failed": len(failed),
            "why_failed": sorted(set(failed.values())),
            "report": str(self.out / REPORTS["en"]),
            "report_ko": str(self.out / REPORTS["ko"]),
        }
        if placed is not None:
            out["placement"] = {
                "stations": [
                    {"lat": one.station.lat, "lon": one.station.lon, "zone": one.station.zone} for one in placed.chosen
                ],
                "without": placed.without,
                "with": placed.with_them,
            }
            if placed.loop is not None:
                robot = placed.loop.robot
                out["placement"]["loop"] = {"zone": robot.zone, "corners": robot.loop, "with": placed.with_loop}
        return out
