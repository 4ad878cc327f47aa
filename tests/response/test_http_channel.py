"""The template channel and Apprise, against real servers that behave as the interfaces are documented."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.common.errors import RejectedError, UnavailableError, UserError
from jeonju.contract.as_json import alert_json
from jeonju.contract.site import Site
from jeonju.response.notify.channels import open_channel
from jeonju.response.notify.http import judged
from jeonju.response.notify.notification import Due, Notification, grouped, trial
from jeonju.response.notify.outbox import Outbox
from jeonju.response.notify.taken import NotTakenError, retry_after_s
from jeonju.response.notify.words import Wording
from jeonju.response.triage import AlertService
from jeonju.rules.channels import AnyChannel
from jeonju.rules.http_channel import Success
from jeonju.rules.rules import load_rules, shipped_rules
from jeonju.rules.templates import FIELDS, TextTemplate, euckr
from jeonju.storage.duckdb.store import DuckDBStore
from tests.response.gateways import SECRETS, Gateway, gateway
from tests.response.notifying import NOW, Clock, alert

EXAMPLES = Path(__file__).parents[2] / "examples/notify"


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    with gateway() as running:
        yield running


def example(name: str, there: Gateway, folder: Path) -> AnyChannel:
    """Return the channel of an example, which sends to this machine."""
    text = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    text, found = re.subn(r'url = "https://[^/"]+', f'url = "{there.url}', text)
    assert found == 1
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path).channels[0]


# As texts may be: with what XML, JSON and addresses mean something else by.
ADVICE = {f"{who}_{language}": "<&>" for who in ("everybody", "sensitive") for language in ("ko", "en")}


def test_every_example_is_well_written() -> None:
    examples = sorted(EXAMPLES.glob("*.toml"))
    assert len(examples) == 6
    assert all(load_rules(path).channels for path in examples)


def news(*alerts: Any) -> Notification:
    due = [Due(one.id, "raised-critical", {**alert_json(one), "runbook": "smoke", "advice": ADVICE}) for one in alerts]
    return grouped("c", "jeonju", due, {"smoke": ("연기·화재 의심", "Smoke or fire")})[0]


def test_alimtalk_goes_to_each_receiver_once_and_is_signed_anew(jeonju: Site, there: Gateway, tmp_path: Path) -> None:
    send = open_channel(jeonju, example("kakao-alimtalk-solapi", there, tmp_path))
    there.faults = [(200, {}, {"statusCode": "3014", "statusMessage": "수신거부"})]
    notification = news(alert("one"))
    with pytest.raises(NotTakenError, match=r"1 of 2 receivers did not take it: .*statusCode 3014 수신거부") as failure:
        send(notification, NOW)
    assert failure.value.is_partial
    assert send(notification, NOW).endswith("answered 200: statusCode 2000 정상 접수(이통사로 접수 예정)")
    assert [message["to"] for message in there.taken] == ["01000000002", "01000000001"]
    assert there.taken[0]["kakaoOptions"]["variables"]["#{제목}"] == "연기·화재 의심 (발생)"
    assert "연기 <&>" in there.taken[0]["kakaoOptions"]["variables"]["#{내용}"]


@pytest.mark.parametrize("name", ["sms-nhn-cloud", "sms-naver-sens", "call-twilio"])
def test_examples_are_taken_as_documented_and_a_refusal_is_understood(
    name: str, jeonju: Site, there: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = example(name, there, tmp_path)
    assert "answered 20" in open_channel(jeonju, settings)(news(alert("one")), NOW)
    for secret in ("NHN_SECRET_KEY", "NCLOUD_SECRET_KEY", "TWILIO_AUTH_TOKEN"):
        monkeypatch.setenv(secret, "wrong")
    with pytest.raises(NotTakenError, match=r"Invalid appKey|Authentication Failed|Authenticate") as refusal:
        open_channel(jeonju, settings)(news(alert("one")), NOW)
    assert "wrong" not in str(refusal.value)
    assert len(there.taken) == 1
    if name == "call-twilio":
        assert there.taken[0]["said"] == "팔복동 산업단지. 연기·화재 의심 발생. 행동요령: <&> 민감군: <&>"


def test_what_a_gateway_refuses_for_good_is_not_tried_again(
    jeonju: Site, store: DuckDBStore, there: Gateway, tmp_path: Path
) -> None:
    settings = example("call-twilio", there, tmp_path).model_copy(update={"to": ("nobody",)})
    alerts, clock = AlertService(jeonju, store, shipped_rules(), Clock()), Clock()
    outbox = Outbox(jeonju, store, alerts, settings, open_channel(jeonju, settings), clock)
    store.write_alerts([alert("one")])
    outbox.send_due()
    outbox.send_due()
    assert (outbox.counters.refused, outbox.counters.sent, outbox.counters.waiting) == (1, 0, 0)
    assert there.paths == ["/2010-04-01/Accounts/AC1/Calls.json"]
    (entry,) = [e for e in store.journal("jeonju", subject="channel:chief-call") if e.action != "channel-opened"]
    assert entry.action == "notification-refused"


def test_too_many_requests_wait_as_long_as_the_gateway_asks(jeonju: Site, there: Gateway, tmp_path: Path) -> None:
    send = open_channel(jeonju, example("sms-nhn-cloud", there, tmp_path))
    there.faults = [(429, {"Retry-After": "37"}, b"slow down"), (307, {"Location": "/elsewhere"}, b""), (200, {}, b"[")]
    with pytest.raises(NotTakenError, match="answered 429: slow down") as failure:
        send(news(alert("one")), NOW)
    assert failure.value.after_s == 37
    for answered in ("answered 307", r"answered 200: \["):
        with pytest.raises(NotTakenError, match=answered):
            send(news(alert("one")), NOW)
    assert "/elsewhere" not in there.paths


def test_what_an_alert_says_leads_no_request_elsewhere_and_breaks_no_json(
    jeonju: Site, there: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = '"}], "to": "01999999999\r\nX-Evil: 1'
    path = tmp_path / "evil.toml"
    path.write_text(
        f"""[[channels]]
type = "http"
name = "c"
url = "{there.url}/sms/v3.0/appKeys/{{{{ alerts[0].summary }}}}/x?{{{{ zone }}}}"
headers = {{ X-Secret-Key = "{{{{ text }}}}" }}
json = {{ recipientList = [{{ recipientNo = "{{{{ alerts[0].summary }}}}" }}] }}
"""
    )
    send = open_channel(jeonju, load_rules(path).channels[0])
    record = alert("one")._replace(summary_ko=evil)
    send(news(record._replace(zone="../../@127.0.0.2/#")), NOW)
    (asked,) = there.paths
    assert asked.startswith("/sms/v3.0/appKeys/%22%7D%5D%2C%20")
    assert asked.endswith("/x?..%2F..%2F%40127.0.0.2%2F%23")


def test_fields_of_templates_are_those_that_are_given(jeonju: Site) -> None:
    for notification in (news(alert("one")), trial("c", "jeonju", NOW)):
        fields = Wording(jeonju, "ko").fields(notification, "you")
        assert fields.keys() == FIELDS.keys()
        assert fields["alerts"][0].keys() == FIELDS["alerts"][0].keys()


def test_long_notifications_are_counted_not_listed(jeonju: Site) -> None:
    lines = Wording(jeonju, "en").lines(news(*(alert(f"a{number:02}") for number in range(25))))
    assert len(lines) == 22
    assert lines[-2:] == ["… and 5 more", "What to do: <&> Sensitive people: <&>"]


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ('url = "http://x/{{ zon }}"', "rules.toml:1: channels[0] url names zon, which is no field"),
        (
            'url = "http://x"\nbody = "{% if count > 9 %}{{ secret.pin }}{% endif %}"',
            "names secret.pin, which is not there",
        ),
        ('url = "http://x"\nbody = "{{ alerts[0].nam }}"', "body cannot be filled in"),
        ('url = "http://x"\nbody = "{{ text"', "body is no template"),
        ('url = "http://x"\nbody = "{{ text.__class__.__mro__ }}"', "unsafe"),
        ('url = "http://x"\nheaders = { A = "{{ signature }}" }', "headers.A names signature, which is no field"),
        ('url = "http://{{ zone }}.example/"', "a host that is no template"),
        ('url = "http://user:pass@x/"', "without a login"),
        ('url = "http://x"\nheaders = { Host = "y" }', "cannot set the header 'Host'"),
        ('url = "http://x"\nbody = "a"\nform = { b = "c" }', "more than one of json, form and body"),
        ('url = "http://x"\nmethod = "GET"\nbody = "a"', "GET has not"),
        ('url = "http://x"\nsuccess = { field = "a" }', "needs field and one_of together"),
        ('url = "http://x"\nsecrets = { a = "hunter2" }', "must say where the secret is kept"),
        ('url = "http://x"\nbody = "{{ 9 ** 9 ** 9 }}"'.replace("9 ** 9 ** 9", "'x' * 70000"), "at most 65536"),
    ],
)
def test_template_that_is_wrong_is_said_at_the_start(tmp_path: Path, channel: str, message: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(f"[[channels]]\ntype = 'http'\nname = 'a'\n{channel}\n")
    with pytest.raises(UserError) as error:
        load_rules(path)
    assert message in str(error.value)
    assert "hunter2" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@given(
    text=st.text(max_size=80) | st.sampled_from(["{{ ", "{% for a in alerts %}", "{{ text | ", "{# ", "{{ secret }}"])
)
def test_every_template_is_taken_or_refused_in_words(text: str) -> None:
    try:
        made = TextTemplate(text, ["key"]).render({**FIELDS, "secret": {"key": "k"}})
    except ValueError:
        return
    assert isinstance(made, str)


@given(text=st.text(max_size=100), most=st.integers(0, 90))
def test_sms_fit_into_their_bytes(text: str, most: int) -> None:
    assert len(euckr(text, most).encode("cp949")) <= most


@given(
    read=st.binary(max_size=60) | st.sampled_from([b"[" * 50_000, b'{"a": {"b": [1, true]}}', b"\xff", b"null"]),
    field=st.sampled_from(["a", "a.b.0", "a.b.1", "", ".", "a..b", "9" * 40]),
)
def test_every_answer_is_judged(read: bytes, field: str) -> None:
    is_taken, said = judged(Success(field=field, one_of=(1,)), 200, read)
    assert is_taken == (read.startswith(b'{"a"') and field == "a.b.0")
    assert said.isprintable()
    assert len(said) <= 301


@given(header=st.text(max_size=30) | st.sampled_from(["120", "٣", "Wed, 21 Oct 2099 07:28:00 GMT", "-1", "9" * 400]))
def test_every_retry_after_is_read(header: str) -> None:
    assert retry_after_s(header, NOW) >= 0


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after_s("120", NOW) == 120
    assert retry_after_s(format_datetime(NOW + timedelta(minutes=3)), NOW) == 180
    assert retry_after_s(None, datetime.now(UTC)) == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_apprise_sends_and_says_why_it_could_not(
    jeonju: Site, there: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apprise")
    monkeypatch.setenv("CHAT", there.url.replace("http://", "json://") + "/messages/v4/send?rto=30&cto=30")
    path = tmp_path / "rules.toml"
    path.write_text("[[channels]]\ntype = 'apprise'\nname = 'chat'\nurls = ['env:CHAT', 'env:CHAT']\n")
    send = open_channel(jeonju, load_rules(path).channels[0])
    there.faults = [(200, {}, {}), (302, {"Location": "/elsewhere"}, b""), (200, {}, {})]
    with pytest.raises(UnavailableError, match=r"1 of 2 receivers did not take it: .*302") as failure:
        send(news(alert("one")), NOW)
    assert there.url.removeprefix("http://") not in str(failure.value)
    assert "took it" in send(news(alert("one")), NOW)
    assert there.paths == ["/messages/v4/send"] * 3
    monkeypatch.setenv("CHAT", "pigeon://coop")
    with pytest.raises(UserError, match="env:CHAT holds is no address that Apprise knows"):
        open_channel(jeonju, load_rules(path).channels[0])


def test_refusal_by_all_receivers_is_final() -> None:
    from jeonju.response.notify.taken import Receivers

    def refuse(number: int) -> str:
        raise RejectedError(f"no {number}")

    with pytest.raises(RejectedError, match="no 0; no 1"):
        Receivers(["a", "b"]).send("n", refuse)
