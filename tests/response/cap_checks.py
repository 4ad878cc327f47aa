"""Checks a CAP 1.2 message against the standard, which this follows by hand; the official schema is no part of the repository."""

import re
from xml.etree import ElementTree as ET

from jeonju.response.notify.cap import CAP

# OASIS CAP 1.2, section 3.2 and appendix A (XML schema): order of elements, and which are required.
ORDER = {
    "alert": "identifier sender sent status msgType source scope restriction addresses code note references incidents info",
    "info": "language category event responseType urgency severity certainty audience eventCode effective onset expires senderName headline description instruction web contact parameter resource area",
    "parameter": "valueName value",
    "area": "areaDesc polygon circle geocode altitude ceiling",
}
REQUIRED = {
    "alert": "identifier sender sent status msgType scope",
    "info": "category event urgency severity certainty",
    "parameter": "valueName value",
    "area": "areaDesc",
}
MANY = {
    "info",
    "category",
    "responseType",
    "parameter",
    "area",
    "polygon",
    "circle",
    "code",
    "eventCode",
    "resource",
    "geocode",
}
VALUES = {
    "status": "Actual Exercise System Test Draft",
    "msgType": "Alert Update Cancel Ack Error",
    "scope": "Public Restricted Private",
    "category": "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other",
    "responseType": "Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None",
    "urgency": "Immediate Expected Future Past Unknown",
    "severity": "Extreme Severe Moderate Minor Unknown",
    "certainty": "Observed Likely Possible Unlikely Unknown",
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
POINT = r"-?\d+(\.\d+)?,-?\d+(\.\d+)?"


def check_cap(element: ET.Element) -> None:
    """Check one CAP element and all below it against the standard."""
    name = element.tag.removeprefix(f"{{{CAP}}}")
    if name in ORDER:
        order = ORDER[name].split()
        children = [child.tag.removeprefix(f"{{{CAP}}}") for child in element]
        assert children == sorted(children, key=order.index)
        assert set(REQUIRED[name].split()) <= set(children)
        assert all(children.count(child) == 1 or child in MANY for child in children)
        for child in element:
            check_cap(child)
        return
    text = element.text or ""
    assert text.strip(), name
    if name in VALUES:
        assert text in VALUES[name].split()
    if name in ("sent", "effective", "onset", "expires"):
        assert INSTANT.fullmatch(text)
    if name in ("identifier", "sender"):
        assert not re.search(r"[\s,<&]", text)
    if name == "references":
        assert all(len(one.split(",")) == 3 for one in text.split(" "))
    if name == "circle":
        assert re.fullmatch(POINT + r" \d+(\.\d+)?", text)
    if name == "polygon":
        points = text.split(" ")
        assert len(points) >= 4
        assert points[0] == points[-1]
        assert len(points) <= 100
        assert all(re.fullmatch(POINT, point) for point in points)
