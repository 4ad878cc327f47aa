import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.broker import address
from jeonju.broker.address import BrokerUrl, parse_broker_url
from jeonju.common.errors import UserError


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "tls"),
    [
        ("mqtt://h", "h", 1883, None, False),
        ("mqtts://u:p%40w@h:9", "h", 9, "u", True),
        ("mqtt://[::1]:5", "::1", 5, None, False),
    ],
)
def test_addresses_are_taken_apart(url: str, host: str, port: int, user: str | None, tls: bool) -> None:
    parts = parse_broker_url(url, {})
    assert (parts.host, parts.port, parts.username, parts.tls) == (host, port, user, tls)


def test_address_of_a_cluster_names_several_nodes(tmp_path: Path) -> None:
    (ca := tmp_path / "a,b").write_text("")
    parts = parse_broker_url(f"mqtts://u:p,w@one:1,two,[::1]:3?ca={ca}", {})
    assert parts.nodes == (("one", 1), ("two", 8883), ("::1", 3))
    assert (parts.username, parts.password, parts.ca) == ("u", "p,w", ca)
    assert parse_broker_url(parts.text(), {}) == parts
    assert repr(parts) == "one:1,two:8883,::1:3"


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://one,",
        "mqtt://one,:1",
        "mqtt://one,two:x",
        "",
        "host",
        "http://h",
        "mqtt://",
        "mqtt://h:99999",
        "mqtt://h/path",
        "mqtt://h:x",
        "mqtt://h?x=1",
        "mqtt://h?ca",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="is no broker address"):
        parse_broker_url(url, {})


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    with contextlib.suppress(UserError):
        assert parse_broker_url(text, {}).host


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_any_login_survives_being_written_as_a_url(user: str, password: str) -> None:
    address = BrokerUrl("h", 8883, user, password, tls=True)
    assert parse_broker_url(address.text(), {}) == address


def test_no_error_and_no_repr_shows_the_password() -> None:
    with pytest.raises(UserError) as caught:
        parse_broker_url("mqtt://u:hush@h:99999", {})
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(parse_broker_url("mqtt://u:hush@h", {}))


def test_what_the_url_leaves_out_comes_from_the_surroundings(tmp_path: Path) -> None:
    secret, ca = tmp_path / "secret", tmp_path / "ca.pem"
    secret.write_text("hush\n")
    ca.write_text("")
    surroundings = {"JEONJU_MQTT_USER": "ingest", "JEONJU_MQTT_PASSWORD_FILE": str(secret), "JEONJU_MQTT_CA": str(ca)}
    parts = parse_broker_url("mqtts://h", surroundings)
    assert (parts.username, parts.password, parts.ca) == ("ingest", "hush", ca)
    assert parse_broker_url("mqtts://api@h", surroundings)[2:4] == ("api", "hush")
    assert parse_broker_url("mqtts://api:own@h", surroundings)[2:4] == ("api", "own")


@pytest.mark.parametrize(
    ("url", "surroundings", "said"),
    [
        (
            "mqtt://u@h",
            {"JEONJU_MQTT_PASSWORD_FILE": "/none"},
            r"secret file /none \(JEONJU_MQTT_PASSWORD_FILE\) cannot be read: No such",
        ),
        ("mqtt://u@h", {"JEONJU_MQTT_PASSWORD_FILE": "{tmp}"}, "cannot be read: Is a directory"),
        ("mqtt://u@h", {"JEONJU_MQTT_PASSWORD_FILE": "/dev/null"}, "is empty"),
        ("mqtt://u@h", {"JEONJU_MQTT_PASSWORD_FILE": "x", "JEONJU_MQTT_PASSWORD": "x"}, "are both set; keep one"),
        ("mqtts://h", {"JEONJU_MQTT_CA": "/none"}, "the file /none for TLS cannot be read: No such file"),
        ("mqtts://h", {"JEONJU_MQTT_CERT": "/dev/null"}, "a certificate needs its key"),
        ("mqtt://h", {"JEONJU_MQTT_CA": "/dev/null"}, "speaks no TLS, but JEONJU_MQTT_CA .* is set; write mqtts://"),
    ],
)
def test_each_wrong_setting_has_its_line(tmp_path: Path, url: str, surroundings: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_broker_url(url, {name: value.format(tmp=tmp_path) for name, value in surroundings.items()})


def test_who_has_a_certificate_is_given_no_user_by_the_surroundings(tmp_path: Path) -> None:
    surroundings = {"JEONJU_MQTT_USER": "ingest", "JEONJU_MQTT_PASSWORD": "hush"}
    assert parse_broker_url("mqtts://h?cert=/dev/null&key=/dev/null", surroundings)[2:4] == (None, None)
    assert parse_broker_url("mqtts://api@h?cert=/dev/null&key=/dev/null", surroundings)[2:4] == ("api", "hush")


def test_files_for_tls_do_not_trouble_the_plain_broker_of_this_machine() -> None:
    assert parse_broker_url("mqtt://127.0.0.1", {"JEONJU_MQTT_CA": "/none"}).ca is None


def test_every_variable_is_documented() -> None:
    page = Path("docs/security.md").read_text(encoding="utf-8")
    variables = [
        value for value in vars(address).values() if isinstance(value, str) and value.startswith("JEONJU_MQTT_")
    ]
    assert len(variables) == 6
    assert all(f"`{variable}`" in page for variable in variables)
