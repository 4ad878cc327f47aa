"""Dead letters: list them, look at one, and have them taken once more after the site file was mended."""

import json
import time
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from jeonju.cli.api_client import api_client
from jeonju.cli.opened_store import opened_store
from jeonju.cli.options import Json, KeyFile, StoreOf, instant
from jeonju.cli.progress import progress
from jeonju.common.errors import UserError
from jeonju.contract import topics

if TYPE_CHECKING:
    from jeonju.client import Client

app = typer.Typer(
    no_args_is_help=True,
    help="Messages that could not be taken: which, why, and once more after the site file was mended.",
)

PATH: Final = "/api/v1/dead-letters"
MOST_LISTED: Final = 1000
LOOK_EVERY_S: Final = 0.5
GIVE_UP_AFTER_S: Final = 60.0
NOT_ALL_TAKEN: Final = 1

FromService = Annotated[
    str | None,
    typer.Option("--from", metavar="URL", help="Ask this running service, which has the store: http://127.0.0.1:8000."),
]
Letter = dict[str, Any]


@app.command("list")
def list_(
    *,
    since: Annotated[
        str | None, typer.Option("--since", help="Only later ones: an instant, or how long ago, such as 24h.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Only those with this text in the reason.")] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Only those on topics of this filter: 'v3/#'.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST_LISTED, help="At most so many, the newest.")] = 100,
    store: StoreOf = "data/air.duckdb",
    from_: FromService = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """List dead letters, the newest first.

    A DuckDB file that a running service has open is read by that service: --from.
    """
    begin = None if since is None else instant(since, "--since")
    letters = _list(store, from_, key_file, limit=limit, since=begin, topic=_checked(topic), reason=reason)
    if as_json:
        typer.echo(json.dumps(letters, ensure_ascii=False))
        return
    for letter in letters:
        said = f"{_shown(letter['topic'])}  {_shown(letter['reason'])}"
        typer.echo(f"{letter['id']}  {letter['received_at']}  {_state(letter):8}  {said}")
    if not letters:
        typer.echo("no dead letters", err=True)


@app.command()
def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help="As `jeonju dead-letters list` names it.")],
    *,
    store: StoreOf = "data/air.duckdb",
    from_: FromService = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter with all of its payload, as text, or as hexadecimal digits where it is none."""
    found = _one(store, from_, key_file, letter)
    if found is None:
        raise UserError(f"no dead letter is called {letter!r}; see `jeonju dead-letters list`")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for name in ("id", "received_at", "topic", "reason", "asked_at", "replayed_at"):
        if found[name] is not None:
            typer.echo(f"{name:12} {_shown(found[name])}")
    payload = bytes.fromhex(found["payload_hex"])
    typer.echo(f"{'payload':12} {len(payload)} bytes{'' if found['whole'] else ', the beginning of it only'}\n")
    typer.echo(_readable(payload))


@app.command()
def replay(
    letters: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="Those of these ids.")] = None,
    *,
    topic: Annotated[str | None, typer.Option("--topic", help="Those on topics of this filter: 'v3/#'.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also those that were replayed before.")] = False,
    from_: Annotated[
        str, typer.Option("--from", metavar="URL", help="The running service that lets ingest take them.")
    ] = "http://127.0.0.1:8000",
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Let the running ingest take dead letters once more, each once, in the order of arrival.

    Mend the site file and restart ingest (or `jeonju up`) first. A reading without a time of its own keeps the time of arrival that it had.
    One that is refused again stays, with its new reason. What is interrupted goes on: ingest takes what was asked for, after a restart too.
    Status 1 when a letter was refused again, or one that was asked for by its id is not there or was not kept whole.
    """
    wanted = {"ids": letters or None, "topic": _checked(topic), "all": all_, "again": again}
    if bool(letters) + (topic is not None) + all_ != 1:
        raise UserError("say which: ids, --topic FILTER or --all")
    with api_client(from_, key_file) as client:
        asked = _ask(client, wanted)
        counts = _wait(client, asked)
    if as_json:
        typer.echo(json.dumps(counts | {"cut": asked["cut"], "unknown": asked["unknown"]}))
    else:
        for letter in asked["cut"]:
            typer.echo(f"{letter}: only the beginning of it was kept, so it cannot be replayed", err=True)
        for letter in asked["unknown"]:
            typer.echo(f"{letter}: there is no such dead letter", err=True)
        typer.echo(
            f"replayed {counts['replayed']}, refused again {counts['refused']}, "
            f"skipped {counts['skipped']} (replayed before), cut {len(asked['cut'])}"
        )
        if counts["refused"]:
            typer.echo("`jeonju dead-letters list` shows why they are refused", err=True)
    if counts["refused"] or (letters and (asked["cut"] or asked["unknown"])):
        raise typer.Exit(NOT_ALL_TAKEN)


def _ask(client: "Client", wanted: dict[str, Any]) -> dict[str, Any]:
    """Ask for all that is wanted, a page at a time, and return the answers put together."""
    total: dict[str, Any] = {"asked": 0, "skipped": 0, "cut": [], "unknown": []}
    after: str | None = ""
    while after is not None:
        answer = client.post(f"{PATH}/replay", wanted | {"after": after})
        for name in total.keys() & answer.keys() - {"asked_at"}:
            total[name] += answer[name]
        total["asked_at"] = min(answer["asked_at"], total.get("asked_at", answer["asked_at"]))
        after = answer["next"]
    return total


def _wait(client: "Client", asked: dict[str, Any]) -> dict[str, int]:
    """Wait until ingest has taken what was asked for, and return what became of it."""
    most, moved_s, before = max(asked["asked"], 1), time.monotonic(), None
    with progress("replay") as advance:
        while True:
            state = client.get(f"{PATH}/replay", since=asked["asked_at"])
            advance(1 - min(state["waiting"], most) / most)
            if not state["waiting"] or not asked["asked"]:
                break
            if state["waiting"] != before:
                moved_s, before = time.monotonic(), state["waiting"]
            elif time.monotonic() - moved_s > GIVE_UP_AFTER_S:
                raise UserError(
                    f"ingest has taken none for {GIVE_UP_AFTER_S:.0f} s; {before} wait and are taken as soon as it runs and reaches the store"
                )
            time.sleep(LOOK_EVERY_S)
    replayed = min(state["replayed"], asked["asked"])
    return {"replayed": replayed, "refused": asked["asked"] - replayed, "skipped": asked["skipped"]}


def _list(store: str, url: str | None, key_file: Path | None, **choice: Any) -> list[Letter]:
    if url is not None:
        begin = choice.pop("since")
        with api_client(url, key_file) as client:
            found: list[Letter] = client.get(PATH, since=begin and begin.isoformat(), **choice)
        return found
    from jeonju.storage.port import LetterChoice

    with opened_store(store) as opened:
        limit = choice.pop("limit")
        return [_to_json(letter) for letter in opened.dead_letters(limit=limit, choice=LetterChoice(**choice))]


def _one(store: str, url: str | None, key_file: Path | None, letter_id: str) -> Letter | None:
    if url is not None:
        from jeonju.client import ApiError

        try:
            with api_client(url, key_file) as client:
                found: Letter = client.get(f"{PATH}/{letter_id}")
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return found
    with opened_store(store) as opened:
        letter = opened.dead_letter(letter_id)
    return None if letter is None else _to_json(letter) | {"payload_hex": letter.payload.hex()}


def _to_json(letter: Any) -> Letter:
    """Return what the api says of a letter."""
    instants = {name: value and _text(value) for name, value in letter._asdict().items() if name.endswith("_at")}
    text = letter.payload.decode("utf-8", "replace")
    return {**letter._asdict(), **instants, "payload": text, "whole": letter.is_whole}


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _state(letter: Letter) -> str:
    if letter["asked_at"]:
        return "asked"
    return "replayed" if letter["replayed_at"] else "" if letter["whole"] else "cut"


def _readable(payload: bytes) -> str:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return payload.hex(" ")
    return text if all(character.isprintable() or character in "\r\n\t" for character in text) else payload.hex(" ")


def _shown(text: str) -> str:
    """Return a text of others on one line, without what a terminal would obey."""
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)


def _checked(topic: str | None) -> str | None:
    if topic is not None and not topics.is_filter(topic):
        raise UserError(f"--topic {topic!r} is no MQTT topic filter; such as 'v3/#' or 'tele/+/SENSOR'")
    return topic
