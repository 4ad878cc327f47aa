"""Addresses, users, passwords, tokens and rights: what is wrong is said in one line, without the secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3

from jeonju.common.errors import JeonjuError, UserError
from jeonju.storage.influx.address import parse_address
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.influx.v1 import Version1
from jeonju.storage.open import open_store
from jeonju.storage.port import Retention
from tests.storage.influx.examples import FOREVER, WHOLE
from tests.storage.influx.servers import Influxd, StandIn, real_influxdb_2, victoria_metrics


def test_wrong_credentials_are_for_a_person_to_change(new_influxd: Callable[..., Influxd]) -> None:
    server = new_influxd(auth=True)
    server.ask("CREATE USER boss WITH PASSWORD 'p@:/ss' WITH ALL PRIVILEGES")
    address = f"127.0.0.1:{server.port}/air"
    for wrong in (f"influxdb://{address}", f"influxdb://boss:hidden@{address}"):
        with pytest.raises(UserError, match="refuses the user and password") as caught:
            open_store(wrong)
        assert "hidden" not in str(caught.value)
    store = InfluxStore(f"influxdb://boss:p%40%3A%2Fss@{address}")
    store.write(WHOLE)
    assert store.readings(FOREVER).num_rows == 30
    store.close()


def test_two_processes_may_make_one_database_at_once(
    new_influxd: Callable[..., Influxd], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, set_up = new_influxd(), Version1._set_up
    others = [Retention(86_400.0), Retention(172_800.0)]

    def interrupted(version: Version1, statement: str) -> None:
        # Another process, which keeps them for another time, comes between the look and the making.
        if "CREATE RETENTION" in statement and others:
            InfluxStore(server.url(), others.pop()).close()
        set_up(version, statement)

    monkeypatch.setattr(Version1, "_set_up", interrupted)
    InfluxStore(server.url(), Retention(7_200.0)).close()
    assert not others
    (policies,) = server.ask("SHOW RETENTION POLICIES ON air")
    assert dict(row[:2] for row in policies["values"])["raw"] == "2h0m0s"


def test_user_without_rights_is_told_who_can_help(new_influxd: Callable[..., Influxd]) -> None:
    server = new_influxd(auth=True)
    server.ask("CREATE USER boss WITH PASSWORD 'boss' WITH ALL PRIVILEGES")
    boss = urllib3.make_headers(basic_auth="boss:boss")
    for name in ("writer", "member"):
        server.ask(f"CREATE USER {name} WITH PASSWORD 'pw'", headers=boss)
    address = f"127.0.0.1:{server.port}/air"
    with pytest.raises(UserError, match=r"not authorized.*an administrator of the server can: CREATE DATABASE"):
        open_store(f"influxdb://member:pw@{address}")
    server.ask("CREATE DATABASE air", headers=boss)
    server.ask("GRANT WRITE ON air TO writer", headers=boss)
    server.ask("GRANT ALL ON air TO member", headers=boss)
    with pytest.raises(UserError, match="an administrator of the server can: CREATE RETENTION POLICY"):
        open_store(f"influxdb://member:pw@{address}")
    InfluxStore(f"influxdb://boss:boss@{address}").close()
    with pytest.raises(UserError, match="not authorized"):
        open_store(f"influxdb://writer:pw@{address}")
    with pytest.raises(UserError, match='administrator of the server can: ALTER RETENTION POLICY "raw"'):
        open_store(f"influxdb://member:pw@{address}", Retention())
    store = InfluxStore(f"influxdb://member:pw@{address}")
    store.write(WHOLE)
    assert len(list(store.maintenance(FOREVER.start))) == 1
    assert store.readings(FOREVER).num_rows == 30
    store.close()


def test_wrong_token_is_for_a_person_to_change(stand_in: StandIn) -> None:
    with pytest.raises(UserError, match=r"refuses .* the token: unauthorized access") as caught:
        open_store(stand_in.url(token="hidden"))
    assert "hidden" not in str(caught.value)


def test_token_may_come_from_the_surroundings(
    stand_in: StandIn, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFLUXDB_TOKEN", "t=0k&en")
    store = InfluxStore(stand_in.url(database).split("&token=")[0])
    store.write(WHOLE)
    assert store.readings(FOREVER).num_rows == 30
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "influxdb://",
        "influxdb://host",
        "influxdb://host/",
        "influxdb://host/a/b",
        "influxdb://user:hidden@host:x/air",
        "influxdb://host/air?token",
        "influxdb://host/air?rp=one",
        "influxdb://user:hidden@/air",
    ],
)
def test_what_is_no_address_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(UserError, match=r"no address of an InfluxDB.*; write it like influxdb://") as caught:
        open_store(url)
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_token_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFLUXDB_TOKEN", raising=False)
    with pytest.raises(UserError, match="set INFLUXDB_TOKEN_FILE or INFLUXDB_TOKEN"):
        open_store("influxdb://host/air?org=city")


def test_addresses_are_read() -> None:
    plain = parse_address("influxdb://boss:p%40ss@host/air")
    assert (plain.base, plain.name, plain.user, plain.password, plain.org) == (
        "http://host:8086",
        "air",
        "boss",
        "p@ss",
        None,
    )
    safe = parse_address("influxdbs://[::1]:99/my%20air?org=a+b&token=x%3D")
    assert (safe.base, safe.name, safe.org, safe.token) == ("https://[::1]:99", "my air", "a b", "x=")


def test_something_else_than_influxdb_is_said_in_one_line(tmp_path: Path) -> None:
    with victoria_metrics(tmp_path / "vm") as port, pytest.raises(JeonjuError) as caught:
        open_store(f"influxdb://127.0.0.1:{port}/air?org=o&token=t")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('air pm25="much" 1', "pm25 is string, and we write float"),
        ("alert value=1i 1", "value is integer, and we write float"),
        ("ledger gaps=1 1", "gaps is float, and we write string"),
    ],
)
def test_database_of_somebody_else_is_refused(influxd: Influxd, database: str, line: str, said: str) -> None:
    store = InfluxStore(influxd.url(database))
    store._server.write([line], "ns", "raw" if line.startswith("air") else None)
    store.close()
    with pytest.raises(UserError, match=f"not ours: in .* the field {said}; name another one"):
        open_store(influxd.url(database))


def test_buckets_are_mapped_for_influxql_where_their_names_do_not_do(stand_in: StandIn, database: str) -> None:
    for _ in range(2):
        InfluxStore(stand_in.url(database)).close()
        mapped = [item for item in stand_in.mappings if item["database"] == database]
        assert {(item["retention_policy"], item["bucketID"], item["default"]) for item in mapped} == {
            ("autogen", database, True),
            *((policy, f"{database}-{policy}", False) for policy in ("raw", "minutes", "hours")),
        }
        assert len(mapped) == 4


def test_bucket_that_influxql_finds_elsewhere_is_refused(stand_in: StandIn, database: str) -> None:
    InfluxStore(stand_in.url(database)).close()
    mapping = next(
        item for item in stand_in.mappings if (item["database"], item["retention_policy"]) == (database, "raw")
    )
    mapping["bucketID"] = "another"
    with pytest.raises(UserError, match=f"does not find the bucket {database}/raw .* `influx v1 dbrp list`"):
        open_store(stand_in.url(database))


class Tokens:
    """Tokens of a real server for the buckets of one store."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name

    def url(self, *actions: str) -> str:
        """Return the address of the store with a token that may only do `actions` with its buckets."""
        from influxdb_client import InfluxDBClient, Permission, PermissionResource

        address = parse_address(self._url)
        with InfluxDBClient(address.base, token=address.token, org=address.org) as client:
            buckets: Any = client.buckets_api()
            found = [
                buckets.find_bucket_by_name(f"{self._name}{policy}") for policy in ("", "/raw", "/minutes", "/hours")
            ]
            permissions = [
                Permission(action, PermissionResource(type="buckets", id=item.id, org_id=item.org_id))
                for item in found
                for action in actions
            ]
            made: Any = client.authorizations_api().create_authorization(
                org_id=found[0].org_id, permissions=permissions
            )
        host = address.base.split("://")[1]
        return f"influxdb://{host}/{self._name}?org={address.org}&token={made.token}"


def test_tokens_of_a_real_server_may_do_what_they_should(database: str) -> None:
    url = real_influxdb_2()
    address = parse_address(url.replace("?", f"{database}?"))
    InfluxStore(url.replace("?", f"{database}?")).close()
    open_with = Tokens(url, address.name).url
    store = InfluxStore(open_with("read", "write"), Retention())
    store.write(WHOLE)
    store.close()
    reader = InfluxStore(open_with("read"))
    assert len(reader.devices("jeonju")) == 3
    with pytest.raises(UserError, match="insufficient permissions for write"):
        reader.write(WHOLE)
    reader.close()
    attempts: list[tuple[Callable[[], object], str]] = [
        (
            lambda: open_store(open_with("read"), Retention(7200.0, None, None)),
            "may not change how long the bucket .*/raw keeps",
        ),
        (lambda: open_store(open_with("write")), "finds no bucket .* and may not make it"),
        (lambda: open_store(url.replace("token=", "token=wrong")), "refuses .* the token"),
        (
            lambda: open_store(url.replace("org=", "org=wrong").replace("?", "x?")),
            "finds no bucket .* organization wrong",
        ),
    ]
    for wrong, said in attempts:
        with pytest.raises(UserError, match=said) as caught:
            wrong()
        assert "\n" not in str(caught.value)


def test_token_may_come_from_a_file(
    stand_in: StandIn, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("t=0k&en\n")
    monkeypatch.setenv("INFLUXDB_TOKEN_FILE", str(tmp_path / "token"))
    InfluxStore(stand_in.url(database).split("&token=")[0]).close()
    # 1.x knows no token: the variable is of no concern there.
    monkeypatch.setenv("INFLUXDB_TOKEN_FILE", "/nowhere")
    assert parse_address("influxdb://host/air").token == ""
