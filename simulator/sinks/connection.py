"""How a simulated device loses its connection."""

import socket

import paho.mqtt.client as mqtt


def cut(client: mqtt.Client) -> None:
    """Drop the connection without a DISCONNECT, so that the broker publishes the last will; a later start connects again."""
    client.loop_stop()
    if isinstance(connection := client.socket(), socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
        client.loop_read()
    # paho makes a new pair of sockets for its thread at the next start and would leave this one open.
    client._reset_sockets(sockpair_only=True)  # noqa: SLF001
