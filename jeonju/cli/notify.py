"""Notifications before they are needed: send a test through a channel, and see who would be told."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import typer

from jeonju.cli.api_client import api_client
from jeonju.cli.options import Json, KeyFile, RulesPath, SiteName
from jeonju.common.clock import utc_now
from jeonju.common.errors import RejectedError, UnavailableError, UserError
from jeonju.contract.site import load_site
from jeonju.rules.rules import Rules, load_rules

app = typer.Typer(
    no_args_is_help=True, help="Notifications: test a channel, see who is told when (docs/notifications.md)."
)


@app.command("test")
def try_out(
    channel: Annotated[str, typer.Argument(help="The name of a channel in the rules file.")],
    *,
    rules: RulesPath = None,
    site: SiteName = "jeonju",
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Let this running service send it: http://127.0.0.1:8000."),
    ] = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Send a test through a channel, and print what was answered.

    With --rules it is sent from here, with the secrets that are here; with --from by the service, with its own. Status 0 when it was taken, 2 when
    it was not.
    """
    if (rules is None) == (from_ is None):
        raise UserError("give either --rules FILE, to send from here, or --from URL, to let a running service send")
    if from_ is not None:
        with api_client(from_, key_file) as client:
            said = client.post(f"/api/v1/channels/{quote(channel, safe='')}/test", {})["answer"]
    else:
        said = _sent_from_here(channel, load_rules(rules), site)
    typer.echo(
        json.dumps({"channel": channel, "answer": said}, ensure_ascii=False) if as_json else f"{channel}: {said}"
    )


@app.command("who")
def who(
    rules: Annotated[Path, typer.Argument(help="A rules file.")],
    *,
    at: Annotated[
        str | None, typer.Option("--at", help="Local time, such as 2026-10-03T22:30; now by default.")
    ] = None,
    site: SiteName = "jeonju",
    as_json: Json = False,
) -> None:
    """Print who is told at a time, step by step, and which channels are quiet then."""
    loaded = load_rules(rules)
    local = _local(at, ZoneInfo(load_site(site).timezone))
    calling = loaded.calling
    steps: list[dict[str, Any]] = [
        {
            "kinds": list(escalation.kinds),
            "severity": escalation.severity,
            "after_s": step.after,
            "role": step.role,
            "people": sorted(calling.has(step.role, local)),
        }
        for escalation in calling.escalations
        for step in escalation.steps
    ]
    quiet = {
        channel.name: sorted({span.unless for span in calling.quiet_of(channel) if span.cover(local, calling.holidays)})
        for channel in loaded.channels
        if calling.holds_back(channel, "info", local)
    }
    at_once = [channel.name for channel in loaded.channels if not calling.owners(channel.name)]
    if as_json:
        found = {"at": local.isoformat(), "at_once": at_once, "steps": steps, "quiet": quiet}
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    typer.echo(f"{local:%Y-%m-%d %H:%M} {local.tzname()}")
    typer.echo(f"  at once: {', '.join(at_once) or 'no channel'}")
    for step in steps:
        what = f"{', '.join(step['kinds'])} from {step['severity']} on"
        typer.echo(f"  after {step['after_s'] / 60:g} min: {step['role']} ({', '.join(step['people'])}), {what}")
    for name, least in quiet.items():
        typer.echo(f"  quiet: {name}, but for {' and '.join(least)}")


def _sent_from_here(name: str, rules: Rules, site: str) -> str:
    from jeonju.response.notify.channels import open_channel
    from jeonju.response.notify.notification import trial

    place = load_site(site)
    channel = next((channel for channel in rules.channels if channel.name == name), None)
    if channel is None:
        there = ", ".join(channel.name for channel in rules.channels) or "none"
        raise UserError(f"no channel is called {name!r}; there are: {there}")
    now = utc_now()
    try:
        return open_channel(place, channel)(trial(name, place.name, now), now)
    except (RejectedError, UnavailableError) as error:
        raise UserError(f"{name} did not take it: {error}") from error


def _local(text: str | None, zone: ZoneInfo) -> datetime:
    if text is None:
        return utc_now().astimezone(zone)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--at {text!r} is no time; write it like 2026-10-03T22:30") from None
    return given.replace(tzinfo=zone) if given.tzinfo is None else given.astimezone(zone)
