"""Peers that are no brokers, or only nearly; and how a trouble is waited for."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_agent.ports import Condition
from tests.kit.proxy import Packets
from tests.uplink.rig import Rig


def trouble(rig: Rig, *words: str) -> None:
    """Wait for a trouble that says all of this, why and remedy taken together."""

    def said() -> bool:
        text = f"{rig.uplink.why} -> {rig.uplink.remedy}"
        return rig.uplink.condition is Condition.TROUBLE and all(word in text for word in words)

    rig.until(said, f"trouble with {words}")
    assert rig.uplink.remedy
    assert not rig.uplink.connected


@contextmanager
def accepting(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen, and answer each connection in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    taken, _ = server.accept()
                except OSError:
                    return
                with taken:
                    answer(taken)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def hold(sock: socket.socket) -> None:
    """Read until the other end has gone, answer nothing."""
    while sock.recv(4096):
        pass


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """Give one answer to each packet that comes, then listen."""

    def answer(sock: socket.socket) -> None:
        cut, left = Packets(), list(answers)
        while chunk := sock.recv(4096):
            for _ in cut.feed(chunk):
                if left:
                    sock.sendall(left.pop(0))

    return answer
