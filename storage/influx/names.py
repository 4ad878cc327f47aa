"""What things are called in InfluxDB: one place for whoever writes, reads, or builds a dashboard."""

from typing import Final

from jeonju.airquality.pollutants import KEYS

# Retention policies of their own; all else is in the database's default one. In 2.x each is a bucket DATABASE/POLICY.
RAW: Final = "raw"
MINUTES: Final = "minutes"
HOURS: Final = "hours"
POLICIES: Final = (RAW, MINUTES, HOURS)

# Measurements. One point of AIR (in RAW) is one device at one instant; its fields are the quantities' keys and those of STRINGS and INTEGERS.
AIR: Final = "air"
# In MINUTES and HOURS: means under the quantities' keys, with _count, _min and _max (angles: _count, _sin and _cos).
AIR_1M: Final = "air_1m"
AIR_1H: Final = "air_1h"
# In RAW: the minutes whose readings have changed; each is still to be rolled up while DUE is not DONE.
ROLLUP_DUE: Final = "rollup_due"
DUE: Final = "due"
DONE: Final = "done"
DEVICE: Final = "device"
LEDGER: Final = "ledger"
# At the instant an alert started, an incident was opened, something was done.
ALERT: Final = "alert"
INCIDENT: Final = "incident"
JOURNAL: Final = "journal"
DEAD_LETTER: Final = "dead_letter"
# At the instant an index was worked out, a service reported its statistics.
INDEX: Final = "index"
SERVICE: Final = "service"
# At the hour that is foreseen; the newest forecast of an hour takes the place of the one before.
FORECAST: Final = "forecast"

# The policy of each measurement that is not in the default one.
POLICY_OF: Final = {AIR: RAW, ROLLUP_DUE: RAW, AIR_1M: MINUTES, AIR_1H: HOURS}

# Tags. Zone, kind and origin are fields of DEVICE: as tags a device that moves would leave its old point behind, a second state.
SITE: Final = "site"
DEVICE_TAG: Final = "device"
ID: Final = "id"
SERVICE_TAG: Final = "service"
QUANTITY_TAG: Final = "quantity"
# Keeps dead letters of the same microsecond apart without a series for each.
SHELF: Final = "shelf"

# Fields.
RECEIVED_AT: Final = "received_at"
INTEGERS: Final = (RECEIVED_AT, "seq")
FLOATS: Final = ("lat", "lon", *KEYS)
STRINGS: Final = ("boot", "quality", "extra")
ZONE: Final = "zone"
KIND: Final = "kind"
ORIGIN: Final = "origin"
TOPIC: Final = "topic"
PAYLOAD: Final = "payload"
REASON: Final = "reason"
# Of a dead letter, in microseconds; 0 is none.
ASKED_AT: Final = "asked_at"
REPLAYED_AT: Final = "replayed_at"
# A field cannot be taken back, so a value that is none is written as 0 or "" and named here, separated by commas.
UNSET: Final = "unset"
