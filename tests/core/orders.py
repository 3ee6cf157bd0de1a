"""Commands on a bench, and the side of the uplink that sends what they want sent again."""

import json
from typing import Any

from edge_agent.commands import Commands
from edge_agent.records import Entry
from edge_agent.wire.messages import Refusal
from edge_agent.wire.orders import LineOrder
from tests.kit.line_bench import AGENT, TOPICS, Bench

NONCE = "abc123"
REPLAY = TOPICS.replay(AGENT)
SCANS = TOPICS.scan("A2")


class Sender:
    """The uplink's side: what is said, what is sent again; it takes a page at a time."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.replayed: list[Entry] = []
        self.pages: list[int] = []
        self.waiting: list[int] = []

    def send(self, topic: str | bytes, payload: bytes) -> bool:
        self.said.append((str(topic), json.loads(payload)))
        return True

    def replay(self, entries: list[Entry], *, more: bool = False) -> None:
        del more
        self.replayed += entries
        self.waiting += [entry.seq for entry in entries]
        self.pages.append(len(entries))

    @property
    def last(self) -> dict[str, Any]:
        return self.said[-1][1]


class Rig:
    """A bench with commands."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.sender = Sender()
        self.obeyed: list[tuple[LineOrder, int]] = []
        self.commands = Commands(
            topics=TOPICS,
            agent=AGENT,
            outbox=bench.outbox,
            sender=self.sender,
            nonce=NONCE,
            synced=lambda: bench.synchrony.synced,
            line=self.obey,
        )

    def obey(self, order: LineOrder, at_ns: int) -> tuple[str, Refusal | None]:
        """Be a line that does what it is asked, but for mutes."""
        self.obeyed.append((order, at_ns))
        return ("not now", Refusal.ILLEGAL) if order.kind == "cmd.mute" else ("done", None)

    def order(
        self,
        data: dict[str, Any],
        *,
        command_id: str = "c-1",
        retained: bool = False,
        topic: str = REPLAY,
        kind: str = "cmd.replay",
    ) -> None:
        data = {"actor": "me", "nonce": NONCE} | data
        message = {
            "specversion": "1.0",
            "id": command_id,
            "type": kind,
            "source": "/desk",
            "data": {name: what for name, what in data.items() if what is not None},
        }
        self.commands.hear(topic, json.dumps(message).encode(), retained)

    def finish(self) -> None:
        for _ in range(30):
            self.bench.turn()
            self.acknowledge()
            self.commands.more()

    def acknowledge(self, reason: str = "") -> None:
        """Let the broker take all that was sent again, or refuse it."""
        waiting, self.sender.waiting = self.sender.waiting, []
        for seq in waiting:
            self.commands.settled(seq, reason)

    def sent(self) -> list[int]:
        return [int(json.loads(entry.payload)["sequence"]) for entry in self.sender.replayed]
