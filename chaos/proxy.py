"""A TCP proxy on loopback whose network can be cut, or can swallow what is sent without a word."""

import selectors
import socket
import threading
from contextlib import suppress
from typing import Final, Literal

Mode = Literal["open", "cut", "swallow"]
CHUNK_BYTES: Final = 65536


class Proxy:
    """Passes bytes between its own port and another; `mode` may be set at any time.

    `cut` resets all connections and refuses new ones. `swallow` takes connections and bytes and passes nothing on; a connection that
    was open then stays dead for ever, and the far side is not informed, as when a cable is pulled.
    """

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._mode: Mode = "open"
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._dead: set[socket.socket] = set()
        self._closing = False
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def set(self, mode: Mode) -> None:
        """Change what happens to the traffic."""
        with self._lock:
            self._mode = mode
            if mode == "swallow":
                self._dead.update(side for pair in self._pairs for side in pair)
            if mode == "cut":
                for pair in self._pairs:
                    for side in pair:
                        _reset(side)
                self._pairs.clear()

    def close(self) -> None:
        """Let go of everything."""
        self._closing = True
        self.set("cut")
        # A thread that waits in accept is not woken by close.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._mode == "cut":
                    _reset(near)
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self._to_port), 5)
                except OSError:
                    _reset(near)
                    continue
                far.settimeout(None)
                self._pairs.append((near, far))
                if self._mode == "swallow":
                    self._dead |= {near, far}
            threading.Thread(target=self._pass_on, args=(near, far), name="proxy-pair", daemon=True).start()

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as ready, suppress(OSError, ValueError):
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in ready.select():
                    source, other = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    data = source.recv(CHUNK_BYTES)
                    if source in self._dead:
                        if not data:
                            return
                        continue
                    if not data:
                        near.close()
                        far.close()
                        return
                    other.sendall(data)


def _reset(side: socket.socket) -> None:
    with suppress(OSError):
        # Closing alone would not wake a thread that waits on the socket.
        side.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        side.close()
