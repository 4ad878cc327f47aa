"""A process that opens connections, says how many it has, and holds them until its input ends."""

import socket
import sys

from attack.wire import HOST


def main() -> None:
    """Hold so many connections at a port."""
    port, number = int(sys.argv[1]), int(sys.argv[2])
    held: list[socket.socket] = []
    for _ in range(number):
        try:
            held.append(socket.create_connection((HOST, port), timeout=2))
        except OSError:
            break
    print(len(held), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
