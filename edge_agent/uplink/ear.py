"""paho on a connection that was made elsewhere: large reads, one send for all of a turn."""

import socket
import ssl
from typing import Any, Final

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.uplink.packets import Version

UNSENT_BYTES_MAX: Final = 1024 * 1024
"""With this much unsent the connection is given up as stuck."""

PUBLISHES_MAX: Final = 64
"""Messages of ours that may wait for their PUBACK; a further one is refused."""

_READ_BYTES: Final = 64 * 1024
_TRY_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class EarSocket:
    """To paho its socket. `dropped` says that paho has done with it; we close it by `shut`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._read = b""
        self._at = 0
        self.out = bytearray()
        self.dropped = False

    def recv(self, size: int) -> bytes:
        if self._at == len(self._read):
            self._at, self._read = 0, b""
            self._read = self._sock.recv(_READ_BYTES)
        chunk = self._read[self._at : self._at + size]
        self._at += len(chunk)
        return chunk

    def more(self) -> bool:
        """Say whether something was read that paho has not seen."""
        # TLS hides nothing: a record is at most 16 KiB, and one read takes it whole
        return self._at < len(self._read)

    def send(self, chunk: bytes | bytearray) -> int:
        if len(self.out) + len(chunk) > UNSENT_BYTES_MAX:
            raise ConnectionError("the broker does not read what we send")
        self.out += chunk
        return len(chunk)

    def flush(self) -> None:
        """Send what the kernel takes; that a connection is broken is seen by reading."""
        while self.out:
            try:
                count = self._sock.send(self.out)
            except _TRY_LATER:
                return
            except OSError:
                self.out.clear()
                return
            del self.out[:count]

    def close(self) -> None:
        self.dropped = True

    def shut(self) -> None:
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        assert not flag, "paho drives this from outside"


class Ear(mqtt.Client):
    """paho with our connection for its socket; clean session, no reconnecting of its own."""

    def __init__(self, sock: EarSocket, client_id: str, version: Version) -> None:
        self._given = sock
        five = version is Version.V5
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if five else True,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self.max_queued_messages_set(PUBLISHES_MAX)

    def _create_socket(self) -> Any:  # noqa: ANN401 - to paho a socket
        return self._given
