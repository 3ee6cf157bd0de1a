"""What the agent says of itself without being asked: status, station info and health.

Rules:
1. Status and info are retained and said again well before `messages.VALID_S` is over.
2. Health is said every minute and when a condition changes, at most once a second.
3. The last will carries the boot and the connection number of its connection. Within a boot the
   numbers only grow, over restarts too and whatever the disk does, for they are made of the
   monotonic clock: a late will cannot mark a live agent dead.
4. What was said retained and is not ours any more is cleared, also over restarts (`retained`).
"""

import logging
import os
from collections.abc import Mapping
from typing import Final

from edge_agent import __version__, status
from edge_agent.andon import Andon
from edge_agent.changes import Changes
from edge_agent.commands import Commands
from edge_agent.configuration import Configuration
from edge_agent.equipment import Equipment
from edge_agent.line import Line
from edge_agent.outbox import Outbox
from edge_agent.ports import Condition
from edge_agent.reactor import Reactor
from edge_agent.reloading import Reloading
from edge_agent.retained import Retained
from edge_agent.synchrony import Synchrony
from edge_agent.uplink import Uplink
from edge_agent.wire import messages
from edge_agent.wire import payload as wire
from edge_agent.wire.topics import Topics

HEALTH_NS: Final = 60_000_000_000
"""How often health is published when nothing changes."""

CHANGE_NS: Final = 1_000_000_000
"""How often it is looked whether something has changed; health is published at most so often."""

STATE_NS: Final = 45_000_000_000
"""How often retained states are published again: well before `messages.VALID_S` is over."""

CONNECTION_NS: Final = 1_000_000
"""A connection's number is the age of the boot in these; a process cannot restart within one."""

_RELOAD: Final = (
    "what runs is the last good configuration: `edge-agent check` says what is wrong with the file;"
    " then reload, or restart where it says so"
)

_log = logging.getLogger(__name__)


class Announcer:
    """Renders and publishes; the composition root sets what is made after it."""

    uplink: Uplink
    commands: Commands
    equipment: Equipment
    andon: Andon
    reloading: Reloading

    def __init__(
        self,
        reactor: Reactor,
        configuration: Configuration,
        outbox: Outbox,
        line: Line,
        synchrony: Synchrony,
        nonce: str,
    ) -> None:
        self.configuration = configuration
        self.retained = Retained(outbox, lambda topic: self.uplink.publish_state(topic, b""))
        self._topics = Topics(configuration.site.base)
        self._agent = configuration.agent.id
        self._outbox = outbox
        self._line = line
        self._synchrony = synchrony
        self._nonce = nonce
        self._clock = outbox.clock
        self._started_ns = self._clock.mono_ns()
        self._conditions: dict[str, Condition] = {}
        self._connection = 0
        self._health_due_ns = 0
        self._reactor = reactor
        self._late_told_ns = 0
        self._look = reactor.timer(self._on_look)
        self._states = reactor.timer(self._on_states)
        self._said: dict[str, bytes] = {}

    def begin(self, meta: Mapping[str, str]) -> None:
        """Begin to publish; the books know which topics were said before."""
        self.retained.restore(meta)
        self.retained.now(self._retained_topics())
        now_ns = self._clock.mono_ns()
        self._look.due_ns = now_ns + CHANGE_NS
        self._states.due_ns = now_ns

    # -- status --------------------------------------------------------------------------------

    def status(self, state: str, connection: int) -> bytes:
        """Render the retained status: of a birth, of a farewell, of the last will."""
        return messages.status(
            agent=self._agent,
            online=state == "online",
            connection=connection,
            boot=self._clock.boot,
            nonce=self._nonce,
            version=__version__,
            asof=self._asof(),
        )

    def next_connection(self) -> int:
        """Give the next connection its number: none that this boot has seen."""
        self._connection = max(self._connection + 1, self._clock.mono_ns() // CONNECTION_NS)
        return self._connection

    def line_changed(self, change: Changes) -> None:
        """Clear what was said of stations and segments that are not ours any more; tell the new."""
        self.configuration = change.then
        self.retained.now(self._retained_topics())
        self._said.clear()
        self._publish_info()
        self.publish_line()

    def _on_states(self, now_ns: int) -> int:
        self.uplink.publish_status()
        self._publish_info()
        self._said.clear()
        self.publish_line()
        self.retained.retry()
        return now_ns + STATE_NS

    def _retained_topics(self) -> list[str]:
        stations = [self._topics.state(one.id, "info") for one in self.configuration.stations]
        line = self.andon.states.topics(self.andon.floor)
        return [self._topics.status(self._agent), *stations, *line]

    def _publish_info(self) -> None:
        for station in self.configuration.stations:
            self.uplink.publish_state(
                self._topics.state(station.id, "info"),
                messages.info(
                    agent=self._agent,
                    station=station.id,
                    segment=station.segment,
                    asof=self._asof(),
                ),
            )

    def publish_line(self) -> None:
        """Publish what is true of stations and segments, where that has changed."""
        states = self.andon.states
        for topic, what in states.true_now(self.andon.floor, self._clock.mono_ns()):
            plain = messages.rendered(what)
            if self._said.get(topic) != plain:
                self._said[topic] = plain
                self.uplink.publish_state(topic, states.whole(what))

    def _asof(self) -> str:
        return wire.rfc3339(self._clock.wall_ns()).decode()

    # -- health --------------------------------------------------------------------------------

    def _on_look(self, now_ns: int) -> int:
        loop = self._reactor
        if loop.late_max_ns > self._late_told_ns:
            self._late_told_ns = loop.late_max_ns
            _log.warning("a turn took %.0f ms, mostly in %s", loop.late_max_ns / 1e6, loop.slowest)
        conditions = self._all_conditions()
        if conditions != self._conditions or now_ns >= self._health_due_ns:
            self._conditions = conditions
            self.publish_health()
        return now_ns + CHANGE_NS

    def publish_health(self) -> None:
        """Publish it now, if there is a broker to publish it to."""
        if not self.uplink.connected:
            return
        self._health_due_ns = self._clock.mono_ns() + HEALTH_NS
        outbox = self._outbox
        numbers = {"sequence": outbox.committed_upto, "topics": outbox.last_numbers()}
        health: dict[str, object] = {
            "boot": self._clock.boot,
            "version": __version__,
            "last_seq": {outbox.epoch: numbers},
            "counters": self._counters(),
            "conditions": self._all_conditions(),
            "temperature_c": status.temperature_c(),
            "agent": self._agent,
            "asof": self._asof(),
            "valid_s": messages.VALID_S,
        }
        topic = self._topics.health(self._agent)
        self.uplink.publish_state(topic, messages.rendered(health), retain=False)

    def _all_conditions(self) -> dict[str, Condition]:
        return {
            "journal": status.journal_condition(self._outbox)[0],
            "broker": self.uplink.condition,
            "clock": self._synchrony.condition,
            "configuration": Condition.TROUBLE if self.reloading.why else Condition.OK,
            **{f"device:{one.name}": one.condition for one in self.equipment.all()},
        }

    def _counters(self) -> dict[str, object]:
        counted = status.counters(
            self._outbox, self._line.reads(), self.commands.replayed, self._started_ns
        )
        return counted | self._line.urgent.counters() | self.andon.counters()

    # -- asked ---------------------------------------------------------------------------------

    def document(self, *, ready: bool) -> dict[str, object]:
        """Give the status document."""
        uplink = self.uplink
        return {
            "agent": self._agent,
            "version": __version__,
            "pid": os.getpid(),
            "ready": ready,
            "running_s": round((self._clock.mono_ns() - self._started_ns) / 1e9, 1),
            "boot": self._clock.boot,
            "clock": "synced" if self._synchrony.synced else "unsynced",
            "counters": self._counters(),
            "journal": status.journal(self._outbox),
            "broker": {
                "condition": uplink.condition,
                "why": uplink.why,
                "remedy": uplink.remedy,
                "counters": uplink.counters(),
            },
            "devices": status.devices(self.equipment.all(), self.equipment.kinds),
            "stations": self.andon.document(),
            "reactor": status.reactor(self._reactor),
            "commands": {"heard": self.commands.heard, "refused": self.commands.refused},
            "configuration": {
                "condition": Condition.TROUBLE if self.reloading.why else Condition.OK,
                "why": self.reloading.why,
                "remedy": _RELOAD if self.reloading.why else "",
            },
            "reloads_refused": self.reloading.refused,
        }
