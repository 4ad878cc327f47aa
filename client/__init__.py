"""The api from Python: readings as pandas and xarray, alerts, incidents and the live stream of events. It imports nothing of the platform but errors.

from jeonju.client import Client

with Client("http://127.0.0.1:8000") as air:
    day = air.readings(quantities=["pm25", "wind_speed"], every_s=60)
    print(day.to_pandas().groupby("device").pm25.mean())
    for event in air.events():
        print(event.kind, event.data)
"""

from jeonju.client.answers import Alert, Device, Incident, Reading
from jeonju.client.client import Client
from jeonju.client.connection import ApiError
from jeonju.client.events import Event
from jeonju.client.readings import Readings

__all__ = ["Alert", "ApiError", "Client", "Device", "Event", "Incident", "Reading", "Readings"]
