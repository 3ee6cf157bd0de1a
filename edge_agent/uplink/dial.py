"""Look-up, TCP and TLS in a throw-away thread; the connected socket comes by the inbox.

Rules:
1. Everything that may block before a connection stands happens here: name server, handshake,
   the files of keys and passwords. The reactor waits for none of it.
2. A thread that hangs is never waited for; what it brings late is used if it is still wanted,
   else closed.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from edge_agent.configuration import Address, Broker

ADDRESSES_MAX: Final = 4
"""Addresses of one name that are tried in one go; a name may have more, they are left alone."""

DIAL_THREAD: Final = "uplink-dial"
"""Name of the threads that connect."""

PASSWORD_BYTES_MAX: Final = 65_535
"""Of a longer password file only so much is read: MQTT has no room for more."""


class FileTrouble(OSError):
    """A file that the connection needs cannot be used; says which, and why."""


class Dialled(NamedTuple):
    """A connection that stands: TLS done, non-blocking, TCP_NODELAY set."""

    sock: socket.socket
    password: str | None


class Opening(Protocol):
    """How a connection is made; `stage` is told what is being waited for. Raises OSError."""

    def __call__(
        self, address: Address, broker: Broker, stage: Callable[[str], None]
    ) -> Dialled: ...


class Dial:
    """One attempt in its own thread; `post` brings `done(self)` back to the reactor.

    `outcome` is None while it runs; `stage` says what it waits for.
    """

    __slots__ = (
        "_broker",
        "_done",
        "_lock",
        "_opening",
        "_post",
        "_thread",
        "_unwanted",
        "address",
        "began_ns",
        "outcome",
        "stage",
    )

    def __init__(
        self,
        address: Address,
        broker: Broker,
        opening: Opening,
        post: Callable[[Callable[["Dial"], None], object], bool],
        done: Callable[["Dial"], None],
        began_ns: int,
    ) -> None:
        self.address = address
        self.began_ns = began_ns
        self.stage = "look-up"
        self.outcome: Dialled | OSError | UnicodeError | None = None
        self._broker = broker
        self._opening = opening
        self._post = post
        self._done = done
        self._unwanted = False
        self._lock = threading.Lock()  # once discarded, it posts no more: the reactor may be gone
        self._thread = threading.Thread(target=self._run, name=DIAL_THREAD, daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether it brought a connection."""
        return isinstance(self.outcome, Dialled)

    def discard(self) -> None:
        """Close what it brought, and what it may still bring; it will not post."""
        with self._lock:
            self._unwanted = True
        if isinstance(self.outcome, Dialled):
            self.outcome.sock.close()

    def end(self) -> None:
        """Wait for the thread after its word was heard: it is in its last call of the reactor."""
        self._thread.join()

    def _at(self, stage: str) -> None:
        self.stage = stage

    def _run(self) -> None:
        try:
            self.outcome = self._opening(self.address, self._broker, self._at)
        except (OSError, UnicodeError) as fault:
            self.outcome = fault
        with self._lock:
            if not self._unwanted:
                self._post(self._done, self)
                return
        self.discard()


def dial(address: Address, broker: Broker, stage: Callable[[str], None]) -> Dialled:
    """Open a connection to a broker as its settings say; raises OSError and its kin."""
    stage("files")
    password = None if broker.password_file is None else _password(broker.password_file)
    context = _tls(broker) if address.tls else None
    stage("look-up")
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    stage("connect")
    places = [(int(family), where) for family, _, _, _, where in found[:ADDRESSES_MAX]]
    sock = _connect(places, broker.connect_timeout_s)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        silence_ms = int(broker.puback_timeout_s * 1000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, silence_ms)
        if context is not None:
            stage("TLS")
            sock = context.wrap_socket(sock, server_hostname=address.host)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return Dialled(sock, password)


def _connect(places: Sequence[tuple[int, tuple[Any, ...]]], timeout_s: float) -> socket.socket:
    fault: OSError = OSError("the name has no address")
    for family, where in places:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout_s)
            sock.connect(where)
        except OSError as refusal:
            sock.close()
            fault = refusal
        else:
            return sock
    raise fault


def _password(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(PASSWORD_BYTES_MAX).decode()
    except UnicodeDecodeError as fault:
        raise FileTrouble(f"password_file {path}: not UTF-8") from fault
    except OSError as fault:
        raise FileTrouble(f"password_file {path}: {fault.strerror}") from fault
    return text.rstrip("\r\n")


def _tls(broker: Broker) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
    except OSError as fault:
        raise FileTrouble(f"ca_file {broker.ca_file}: {_words(fault)}") from fault
    if broker.cert_file is not None:
        try:
            context.load_cert_chain(broker.cert_file, broker.key_file, _nobody_to_ask)
        except OSError as fault:
            files = f"cert_file {broker.cert_file} with key_file {broker.key_file}"
            raise FileTrouble(f"{files}: {_words(fault)}") from fault
    return context


def _nobody_to_ask() -> NoReturn:
    raise FileTrouble("the key is encrypted, and nobody is there to give its password")


def _words(fault: OSError) -> str:
    if isinstance(fault, ssl.SSLError):
        return (fault.reason or str(fault)).lower().replace("_", " ")
    return fault.strerror or str(fault)
