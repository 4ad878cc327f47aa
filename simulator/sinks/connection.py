"""How a simulated device loses its link."""

import socket

import paho.mqtt.client as mqtt


def cut(client: mqtt.Client) -> None:
    """Vanish without a word, so that the broker sends the last will; a later start makes the connection anew."""
    client.loop_stop()
    if isinstance(connection := client.socket(), socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
        client.loop_read()
    # paho makes a new pair of sockets for its thread at the next start and would leave this one open.
    client._reset_sockets(sockpair_only=True)  # noqa: SLF001
