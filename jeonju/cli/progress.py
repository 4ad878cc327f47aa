"""Progress of work that lasts, on standard error: a bar on a terminal, elsewhere a line a minute."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY_S: Final = 60.0


@contextmanager
def progress(title: str, total: float | None = 1.0) -> Iterator[Callable[[float], None]]:
    """Show how far the block is while it runs; calls give the share done, or the count where the total is not known."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lines(title, total)
        return
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}" if total is None else "{task.percentage:.0f} %"),
    ]
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def lines(title: str, total: float | None, clock: Callable[[], float] = time.monotonic) -> Callable[[float], None]:
    """Return what takes the share done, or the count, and says it once a minute; `clock` gives seconds."""
    said_s = begun_s = clock()
    first: float | None = None  # what was done before, by an earlier run

    def say(done: float) -> None:
        nonlocal said_s, first
        first = done if first is None else first
        now_s = clock()
        if now_s - said_s < LINE_EVERY_S:
            return
        said_s = now_s
        said = f"{done:,.0f}" if total is None else f"{100 * done / total:.0f} %"
        if total is not None and done > first:
            left_s = (total - done) * (now_s - begun_s) / (done - first)
            said += f", about {max(left_s / 60, 1):.0f} min left"
        typer.echo(f"{title}: {said}", err=True)

    return say
