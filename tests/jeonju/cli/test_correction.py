"""Corrections from the command line, against a city that runs: agreed to by an administrator only, seen by all, ended."""

import json
from pathlib import Path

from jeonju.api.access.keys import KeyFile, Role
from tests.jeonju.cli.command import jeonju
from tests.jeonju.cli.test_dead_letters import OLD, city

WANTED = ("palbok-03", "pm25", "--gain", "1.38", "--offset", "4.9", "--reason", "beside 팔복동")


def correction(*arguments: object, status: int = 0) -> str:
    done = jeonju("correction", *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_administrator_agrees_and_ends_what_all_may_see(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    files = {role: tmp_path / role.name for role in (Role.OPERATOR, Role.ADMIN)}
    for role, file in files.items():
        file.write_text(KeyFile(keys).add(role.name.lower(), role, OLD))
    with city(tmp_path, "senml", keys=keys) as running:
        operator, admin = (("--from", running.url, "--key-file", file) for file in files.values())
        assert "no correction is in force" in correction("list", *operator)
        assert "this needs one of an admin" in correction("accept", *WANTED, *operator, status=2)
        assert "is no device" in correction("accept", "nobody", *WANTED[1:], *admin, status=2)
        refused = correction("accept", "airkorea-palbok", *WANTED[1:], *admin, status=2)
        assert (refused.count("\n"), "is official" in refused) == (1, True)
        assert "must be finite" in correction("accept", *WANTED[:5], "nan", *WANTED[6:], *admin, status=2)
        made = json.loads(correction("accept", *WANTED, "--json", *admin))
        said = correction("list", *operator)
        assert said.startswith(f"{made['id']}  palbok-03 pm25: gain 1.38, offset 4.9, from ")
        assert said.endswith("; admin: beside 팔복동\n")
        assert " until " in correction("withdraw", made["id"], *admin)
        assert "no correction in force has the id" in correction("withdraw", made["id"], *admin, status=2)
        assert len(json.loads(correction("list", "--all", "--json", *operator))) == 1
