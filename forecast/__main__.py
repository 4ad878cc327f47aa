"""`python -m jeonju.forecast`: makes one forecast of a city, from standard input to standard output, and ends.

A process of its own: what learning needs (scikit-learn, some hundred MB, a core for a minute) is given back, and the city never imports it.
"""

import os
import sys

import msgspec
import pyarrow as pa

from jeonju.forecast.city import Request, forecast_of

# Everything else on the machine comes first.
NICE = 15


def main() -> None:
    """Read a line of JSON and a table, and write the forecast as JSON."""
    os.nice(NICE)
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    with pa.ipc.open_stream(sys.stdin.buffer) as reader:
        table = reader.read_all()
    sys.stdout.buffer.write(msgspec.json.encode(forecast_of(request, table)))


if __name__ == "__main__":
    main()
