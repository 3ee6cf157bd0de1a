"""What reaches the service manager, through real sockets; and that it never makes us wait."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.notify import FEEDS_PER_WATCHDOG, STATUS_CHARACTERS_MAX, Notify


class Listener:
    """The service manager's end."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        datagrams = []
        while True:
            try:
                datagrams.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return datagrams


@pytest.fixture(params=["file", "abstract"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "file" else f"@edge-agent-{os.getpid()}"


@pytest.fixture
def listener(name: str) -> Iterator[Listener]:
    listening = Listener(name.replace("@", "\0", 1) if name.startswith("@") else name)
    yield listening
    listening.socket.close()


@pytest.fixture
def notify(name: str, listener: Listener) -> Iterator[Notify]:
    assert listener.heard() == []
    speaking = Notify({"NOTIFY_SOCKET": name})
    yield speaking
    speaking.close()


def test_a_life_as_the_manager_hears_it(notify: Notify, listener: Listener) -> None:
    notify.status("restoring the journal")
    notify.ready("2 devices, broker connected")
    notify.watchdog()
    notify.reloading(1_234_567_890)
    notify.ready("reloaded")
    notify.stopping("finishing the commit")
    notify.close()
    assert listener.heard() == [
        "STATUS=restoring the journal",
        "READY=1\nSTATUS=2 devices, broker connected",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=1234567",
        "READY=1\nSTATUS=reloaded",
        "STOPPING=1\nSTATUS=finishing the commit",
    ]
    notify.status("after the end")
    assert listener.heard() == []


def test_a_full_socket_is_not_waited_for_and_nothing_that_counts_is_lost(
    notify: Notify, listener: Listener
) -> None:
    said = 0
    while not notify.unsaid:
        notify.status(f"turn {said}")
        said += 1
    notify.ready("all devices tried")
    notify.watchdog()
    notify.status("connected")
    assert notify.unsaid == 4
    assert len(listener.heard()) == said - 1
    notify.watchdog()
    assert listener.heard() == ["STATUS=connected\nREADY=1\nWATCHDOG=1"]
    notify.watchdog()
    assert listener.heard() == ["WATCHDOG=1"]


def test_a_reload_that_could_not_be_said_does_not_contradict_its_end(
    notify: Notify, listener: Listener
) -> None:
    while not notify.unsaid:
        notify.watchdog()
    notify.reloading(5_000)
    notify.ready("kept the last good configuration")
    notify.reloading(9_000)
    listener.heard()
    notify.ready("reloaded")
    assert listener.heard() == ["STATUS=reloaded\nREADY=1"]


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path) -> None:
    with closing(Notify({"NOTIFY_SOCKET": str(tmp_path / "nobody")})) as notify:
        notify.ready("ready")
        assert notify.unsaid == 1


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1"])
def test_without_a_manager_nothing_is_said(address: str) -> None:
    notify = Notify({"NOTIFY_SOCKET": address} if address else {})
    notify.ready("ready")
    notify.watchdog()
    assert notify.unsaid == 0
    assert notify.feed_every_ns is None


def test_a_status_is_one_line_of_bounded_length(notify: Notify, listener: Listener) -> None:
    notify.status("gun-1:\nREADY=1\n" + "x" * 500 + "\udcff")
    (status,) = listener.heard()
    assert status.startswith("STATUS=gun-1: READY=1 xxx")
    assert len(status) == len("STATUS=") + STATUS_CHARACTERS_MAX
    notify.status("K\udcff")
    assert listener.heard() == ["STATUS=K\\udcff"]


@pytest.mark.parametrize(
    ("environ", "feed_every_ns"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30_000_000_000 // FEEDS_PER_WATCHDOG),
        ({"WATCHDOG_USEC": "3000", "WATCHDOG_PID": str(os.getpid())}, 1_000_000),
        ({"WATCHDOG_USEC": "3000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_often_the_watchdog_wants_to_be_fed(
    environ: dict[str, str], feed_every_ns: int | None
) -> None:
    assert Notify(environ).feed_every_ns == feed_every_ns
