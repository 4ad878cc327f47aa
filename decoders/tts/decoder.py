"""The Things Stack v3, and uplinks of version 2: decoded payloads, and solved locations. See README.md beside this file."""

from typing import Any, Final

from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import at_pointer, refuse_other
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.lorawan import level_after, put_place, strongest
from jeonju.decoders.lorawan_codecs import put_decoded
from jeonju.decoders.message import Message
from jeonju.decoders.times import When, first_time, instant, site_time
from jeonju.decoders.tts.version_2 import decode_uplink, is_field, is_uplink

# What a formatter normalizes, in the units of its schema (TheThingsNetwork/lorawan-devices, lib/payload.json); what is of the soil is left aside.
NORMALIZED: Final = (
    ("/air/temperature", "temperature", "°C"),
    ("/air/relativeHumidity", "humidity", "%"),
    ("/air/pressure", "pressure", "hPa"),
    ("/air/co2", "co2", "ppm"),
    ("/wind/speed", "wind_speed", "m/s"),
    ("/wind/direction", "wind_direction", "°"),
    ("/battery", "voltage", "V"),
)
# An event of the console and an answer of the storage hold the same message one level down; pointers begin at the top.
WRAPPERS: Final = ("data", "result")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what an uplink says; joins, downlinks and service messages say nothing of the air."""
    if is_field(message):
        return Decoding(nothing="field-of-uplink")
    whole = message.object()
    if is_uplink(whole):
        return decode_uplink(whole, message, gateway)
    below, content = next(
        (
            (f"/{name}", inner)
            for name in WRAPPERS
            if isinstance(inner := whole.get(name), dict) and "end_device_ids" in inner
        ),
        ("", whole),
    )
    # A normalized uplink repeats the same reception.
    uplink, solved = content.get("uplink_message") or content.get("uplink_normalized"), content.get("location_solved")
    if not isinstance(uplink, dict) and not isinstance(solved, dict):
        return Decoding()
    # The outer received_at is that of the application server; the one within the uplink is another's.
    device, gathered = _device(content, message), Gathered()
    of_site = site_time(gateway, whole)
    at = first_time(of_site, instant(content.get("received_at"), gateway.timezone))
    if isinstance(uplink, dict):
        # Where the device itself is, as its owner or a service says; what it sends itself comes after and stands.
        if isinstance(places := uplink.get("locations"), dict):
            for place in places.values():
                put_place(gathered, device, at, place)
        if isinstance(members := uplink.get("decoded_payload"), dict):
            put_decoded(gathered, device, at, members, gateway, f"{below}/uplink_message/decoded_payload")
        _put_normalized(gathered, device, (of_site, at), uplink.get("normalized_payload"))
        best = strongest(uplink.get("rx_metadata"))
        for key in ("rssi", "snr"):
            gathered.put_raw(device, at, key, best.get(key))
    if isinstance(solved, dict):
        put_place(gathered, device, at, solved.get("location"))
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(whole, pointer))
    return gathered.decoding()


def _put_normalized(gathered: Gathered, device: str, times: tuple[When, When], measurements: Any) -> None:
    """Add measurements; `times` are those of the site file and of the message, before and after the measurement's own."""
    for measurement in measurements if isinstance(measurements, list) else [measurements]:
        spend()
        if isinstance(measurement, dict):
            at = first_time(times[0], instant(measurement.get("time")), times[1])
            for pointer, key, unit in NORMALIZED:
                gathered.put_raw(device, at, key, at_pointer(measurement, pointer), unit=unit)


def _device(content: dict[str, Any], message: Message) -> str:
    refuse_other(at_pointer(content, "/end_device_ids/device_id"), level_after(message, "devices"))
    for name in ("dev_eui", "device_id"):
        device = at_pointer(content, f"/end_device_ids/{name}")
        if isinstance(device, str) and device:
            return device.lower() if name == "dev_eui" else device
    return level_after(message, "devices")
