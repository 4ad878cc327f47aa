"""Settings of one node of a cluster; three that run are in tests/scale."""

import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jeonju.broker.cluster import Node
from jeonju.broker.security import Security
from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from tests.broker.guarded import security_with

THREE = ("127.0.0.1:6222", "127.0.0.1:6223", "127.0.0.1:6224")


@pytest.mark.parametrize(
    ("number", "nodes", "host", "why"),
    [
        (1, THREE[:2], "127.0.0.1", "names 2 nodes; give 3 to 9"),
        (1, (*THREE[:2], THREE[0]), "127.0.0.1", "names 3 nodes; give 3 to 9 different ones"),
        (4, THREE, "127.0.0.1", "none of the 3 nodes"),
        (1, (*THREE[:2], "host"), "127.0.0.1", "'host' is no address"),
        (1, THREE, "0.0.0.0", "need accounts"),
        (1, ("a:1", "b:1", "c:1"), "127.0.0.1", "need accounts"),
    ],
)
def test_settings_that_cannot_work_are_said_in_one_line(
    tmp_path: Path, number: int, nodes: tuple[str, ...], host: str, why: str
) -> None:
    with pytest.raises(UserError, match=why):
        Node(number=number, nodes=nodes, data=tmp_path, host=host)


def test_written_configuration_is_that_of_one_of_three(tmp_path: Path) -> None:
    options = ["--number", "2", "--nodes", ",".join(THREE), "--data", str(tmp_path), "--write"]
    asked = CliRunner().invoke(app, ["broker", *options, "--security", str(tmp_path / "none")])
    assert asked.exit_code == 0, asked.output
    text = (tmp_path / "nats-2/broker.conf").read_text()
    assert "stream_replicas: 3" in text
    assert f'listen: "{THREE[1]}"' in text
    assert f'"nats://{THREE[0]}"' in text
    assert f'"nats://{THREE[1]}"' not in text


def test_nodes_with_accounts_know_each_other_by_a_secret_of_theirs(tmp_path: Path, jeonju: Site) -> None:
    security, _ = security_with(tmp_path / "security", jeonju, "one")
    node = Node(number=1, nodes=("a:6222", "b:6222", "c:6222"), data=tmp_path, host="0.0.0.0", security=security)
    file = node.write()
    secret = security.node_password.read_text()
    assert f'"nats://node:{secret}@b:6222"' in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert Security(tmp_path / "security").node_password.read_text() == secret


def test_node_that_cannot_run_says_its_last_words(tmp_path: Path) -> None:
    node = Node(number=1, nodes=THREE, data=tmp_path, mqtt_port=1)
    (node.folder / "jetstream").parent.mkdir()
    (node.folder / "jetstream").write_text("in the way")
    with pytest.raises(UserError, match=r"the node has ended; its last words in .*broker\.log"):
        node.run(threading.Event().wait)
