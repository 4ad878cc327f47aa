"""The reference, made from the code: commands, the api, the files of settings, the Python client."""

import inspect
import json
import re
import types
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, get_args

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from jeonju import client
from jeonju.cli.app import app
from jeonju.contract.site import Site, load_site
from jeonju.rules.rules import RulesFile
from jeonju.simulator.scenario import Scenario
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore

METHODS: Final = ("get", "post", "put", "delete")


def write_reference(folder: Path) -> None:
    """Write the pages of the reference into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in (
        ("cli", commands()),
        ("api", api()),
        ("settings", settings()),
        ("client", python_client()),
    ):
        (folder / f"{name}.md").write_text("\n".join(page) + "\n", encoding="utf-8")


def commands() -> Iterator[str]:
    """Yield the page of the command line."""
    yield "# Command line"
    yield "\nEvery option may also stand in the environment or in a file: [configuration](../configuration.md)."
    root = typer.main.get_command(app)
    yield from _command(root, "jeonju")


def _command(command: Any, name: str) -> Iterator[str]:
    if name != "jeonju":
        yield f"\n## {name}\n"
        yield _plain(command.help or "")
    members = getattr(command, "commands", {})
    if not members:
        usage = " ".join(command.collect_usage_pieces(typer.Context(command)))
        yield f"\n```text\n{name} {re.sub(r'{(.*?)}', lambda found: found[1].upper(), usage)}\n```\n"
    options = [option for option in command.params if option.name != "help" and not getattr(option, "hidden", False)]
    if options and (not members or name == "jeonju"):
        yield "\n| option | is | default |\n|---|---|---|"
        for option in options:
            yield _row(_spelling(option), _plain(getattr(option, "help", "") or ""), _default(option))
    for member in sorted(members):
        yield from _command(members[member], f"{name} {member}")


def _spelling(option: Any) -> str:
    if option.param_type_name == "argument":
        return f"`{option.name}`"
    return "<br>".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))


def _default(option: Any) -> str:
    value = option.default
    if (
        value is None
        or value is False
        or callable(value)
        or value == ()
        or option.required
        or repr(value).startswith("Sentinel")
    ):
        return "required" if option.required else ""
    return f"`{value}`"


def api() -> Iterator[str]:
    """Yield the page of the api, from its OpenAPI document."""
    with closing(DuckDBStore(":memory:")) as store:
        document = api_app(load_site("jeonju"), store, "mqtt://127.0.0.1:1").openapi()
    yield "# API"
    yield "\n" + _plain(document["info"]["description"])
    yield "\nThe running api describes itself at `/docs`, and as OpenAPI at `/openapi.json`."
    tagged: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            if method in METHODS:
                tagged.setdefault((route.get("tags") or ["other"])[0], []).append((path, method.upper(), route))
    for tag, routes in sorted(tagged.items()):
        yield f"\n## {tag.capitalize()}"
        for path, method, route in routes:
            yield f"\n### {method} {path}\n"
            yield _plain(route.get("description") or route.get("summary", ""))
            if parameters := route.get("parameters"):
                yield "\n| parameter | in | is |\n|---|---|---|"
                for given in parameters:
                    words = [given.get("description", ""), _kind_of(given.get("schema", {}))]
                    yield _row(f"`{given['name']}`", given["in"], " ".join(_plain(word) for word in words if word))
            content = route.get("responses", {}).get("200", {}).get("content", {})
            if (example := content.get("application/json", {}).get("example")) is not None:
                yield f"\n```json\n{json.dumps(example, ensure_ascii=False, indent=2)}\n```"


def _kind_of(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + "."
    if "default" in schema and schema["default"] is not None:
        return f"Default `{schema['default']}`."
    return ""


def settings() -> Iterator[str]:
    """Yield the page of the files of settings: site, scenario, rules."""
    yield "# Site file, scenarios, rules"
    yield "\nAll of them are TOML. An unknown member is an error with its line."
    yield "\n## Site file\n\nChecked by `jeonju site check FILE`."
    yield from _models(Site, "The file")
    yield "\n## Scenario\n\nChecked by `jeonju scenario check FILE`; what each event means: [scenarios](../scenarios.md)."
    yield from _models(Scenario, "The file")
    yield "\n## Rules\n\nChecked by `jeonju alerts check FILE`; how they work: [alerts](../alerts.md)."
    yield from _models(RulesFile, "The file")


def _models(model: Any, title: str) -> Iterator[str]:
    """Yield the table of a model, then those of the models in its fields."""
    waiting, done = [(model, title)], set[Any]()
    while waiting:
        one, name = waiting.pop(0)
        if one in done:
            continue
        done.add(one)
        yield from _tables(one, name)
        for field, told in one.model_fields.items():
            waiting += [(inner, f"`{field}`") for inner in _inner(told.annotation) if inner not in done]


def _inner(annotation: Any) -> Iterator[Any]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _inner(argument)


def _tables(model: Any, title: str) -> Iterator[str]:
    if not (inspect.isclass(model) and issubclass(model, BaseModel)):
        return
    yield f"\n### {title}: {model.__name__}\n"
    yield _plain(inspect.getdoc(model) or "")
    yield "\n| member | type | default |\n|---|---|---|"
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else ""
        if not field.is_required() and field.default is not PydanticUndefined:
            default = f"`{json.dumps(field.default, ensure_ascii=False, default=str)}`"
        yield _row(f"`{field.alias or name}`", f"`{_type(field.annotation)}`", default[:200])


def _type(annotation: Any) -> str:
    """Return a type as a reader of TOML sees it."""
    if isinstance(annotation, types.UnionType) or type(annotation).__name__ == "_UnionGenericAlias":
        return " or ".join(_type(part) for part in get_args(annotation) if part is not types.NoneType)
    if hasattr(annotation, "__metadata__"):
        return _type(get_args(annotation)[0])
    arguments = [part for part in get_args(annotation) if not hasattr(part, "metadata") or get_args(part)]
    origin = getattr(annotation, "__origin__", annotation)
    name = getattr(origin, "__name__", str(origin)).removeprefix("_")
    if name == "Literal":
        return " or ".join(json.dumps(value) for value in arguments)
    if arguments and inspect.isclass(origin) and origin in (list, tuple, dict, frozenset):
        return f"{name}[{', '.join(_type(part) for part in arguments if part is not ...)}]"
    return name


def python_client() -> Iterator[str]:
    """Yield the page of `jeonju.client`."""
    yield "# Python client"
    yield "\n```python\nfrom jeonju.client import Client\n```\n\nHow it is used: [data out](../export.md#from-python)."
    for name in client.__all__:
        thing = getattr(client, name)
        yield f"\n## {name}\n"
        yield _plain(inspect.getdoc(thing) or "")
        if (
            fields := getattr(thing, "__annotations__", None)
            if hasattr(thing, "_fields") or hasattr(thing, "__struct_fields__")
            else None
        ):
            yield "\n| member | type |\n|---|---|"
            for field, kind in fields.items():
                yield _row(f"`{field}`", f"`{_short(inspect.formatannotation(kind))}`")
            continue
        if thing is client.Client:
            yield f"\n```python\nClient{_signature(thing.__init__)}\n```"
        for member, value in vars(thing).items():
            function = value.fget if isinstance(value, property) else value
            if member.startswith("_") or not inspect.isfunction(function):
                continue
            yield f"\n### {name}.{member}\n"
            if not isinstance(value, property):
                yield f"```python\n{member}{_signature(function)}\n```\n"
            yield _plain(inspect.getdoc(function) or "")


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    given = [value for name, value in signature.parameters.items() if name != "self"]
    return _short(str(signature.replace(parameters=given)))


def _short(text: str) -> str:
    """Return a type without the modules of its parts."""
    return re.sub(r"\b(jeonju\.client\.\w+|typing|pathlib|collections\.abc|os|datetime)\.(?=\w)", "", text)


def _plain(text: str) -> str:
    """Return a text of the code as Markdown: lines of a paragraph together, examples as they are."""
    return inspect.cleandoc(text).replace("<", "&lt;")


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
