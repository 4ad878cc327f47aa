"""Who may publish and read what: MQTT topic filters of each kind of account, and the NATS subjects they become."""

from typing import Final, Literal, NamedTuple

from jeonju.broker.filters import covers
from jeonju.common.errors import UserError
from jeonju.contract import topics
from jeonju.contract.site import Site

Login = Literal["password", "certificate"]
# The bucket of NATS' key-value store that says which worker holds which site, and the services that have such workers.
LEASES: Final = "jeonju-leases"
HOLD_SITES: Final = ("ingest", "detect")
# Of several apis of a site one responds, by a lease of its own, and answers what the others ask of it.
RESPONDER: Final = "api"
RESPOND: Final = "respond"
ASKED: Final = "jeonju.respond"

# In VDA 5050 3.0 the first are a robot's own messages, the second those of the fleet control (section "Topics").
ROBOT_SENDS: Final = ("state", "connection", "factsheet", "visualization")
ROBOT_RECEIVES: Final = ("order", "instantActions", "zoneSet", "responses")
VDA5050: Final = "vda5050/v3"


class Rights(NamedTuple):
    """Topic filters that an account may publish on and read; everything else is refused."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()

    def __add__(self, other: object) -> "Rights":
        """Return both together."""
        if not isinstance(other, Rights):
            return NotImplemented
        return Rights((*self.publish, *other.publish), (*self.subscribe, *other.subscribe))


def of_device(site: str, device: str) -> Rights:
    """Return the rights of a device: to speak under its own name, and to read its own commands."""
    return Rights((topics.readings(site, device), topics.status(site, device)), (topics.command(site, device),))


def of_robot(manufacturer: str, serial: str) -> Rights:
    """Return the rights of a robot that speaks VDA 5050; `+` stands for all of them."""
    robot = f"{VDA5050}/{manufacturer}/{serial}"
    return Rights(tuple(f"{robot}/{kind}" for kind in ROBOT_SENDS), tuple(f"{robot}/{kind}" for kind in ROBOT_RECEIVES))


def of_gateway(site: Site, wanted: list[str]) -> Rights:
    """Return the right to publish on foreign topics, each of which a `[[gateways]]` entry of the site file must cover.

    Raises UserError for a topic that the site file does not know.
    """
    for topic in wanted:
        if not any(covers(gateway.topic, topic) for gateway in site.gateways):
            known = ", ".join(gateway.topic for gateway in site.gateways) or "none"
            raise UserError(f"no [[gateways]] entry of site {site.name} covers the topic {topic!r}; there are: {known}")
    return Rights(publish=tuple(wanted))


# What ingest answers to gateways of a format.
ANSWERS: Final = (
    ("sparkplug_b", "spBv1.0/+/NCMD/+"),
    ("onem2m", "/oneM2M/resp/#"),
    ("onem2m", "/oneM2M/reg_resp/#"),
)


def of_services(*sites: Site) -> dict[str, Rights]:
    """Return the services of some sites by name, each with the least it needs."""
    anyone = of_device("+", "+")
    robots = of_robot("+", "+")
    gateways = [gateway for site in sites for gateway in site.gateways]
    formats = {gateway.format for gateway in gateways}
    answers = tuple(topic for wire_format, topic in ANSWERS if wire_format in formats)
    heard = (*anyone.publish, topics.adopt("+", "+"), *dict.fromkeys(gateway.topic for gateway in gateways))
    orders = tuple(f"{VDA5050}/+/+/{kind}" for kind in ("order", "instantActions"))
    return {
        "ingest": Rights((topics.committed("+"), *answers), heard),
        "api": Rights(
            (topics.command("+", "+"), topics.adopt("+", "+"), topics.alert("+", "+"), topics.heartbeat("+"), *orders),
            (
                topics.committed("+"),
                topics.status("+", "+"),
                topics.alert("+", "+"),
                topics.heartbeat("+"),
                *robots.publish,
            ),
        ),
        "detect": Rights(
            (topics.alert("+", "+"),), (topics.committed("+"), topics.status("+", "+"), topics.alert("+", "+"))
        ),
        "simulator": anyone + robots,
        "airkorea": Rights(publish=("airkorea/+",)),
        "doctor": Rights(subscribe=("#",)),
    }


def subjects(filter_: str) -> list[str]:
    """Return the NATS subjects that nats-server makes of an MQTT topic filter.

    Levels are parted by dots, a dot becomes `//`, an empty level `/`; `a/#` is also `a` itself. Raises UserError for what NATS cannot carry
    or would take for a wildcard.
    """
    if any(character.isspace() or character in "*>" for character in filter_):
        raise UserError(f"the topic {filter_!r} has a blank, '*' or '>', which NATS does not take")
    wild = {"+": "*", "#": ">", "": "/"}
    subject = ".".join(wild.get(level, level.replace(".", "//")) for level in filter_.split("/"))
    return [subject, subject[: -len(".>")]] if subject.endswith(".>") else [subject]
