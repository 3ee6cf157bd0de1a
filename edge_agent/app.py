"""The composition root: a configuration becomes a running agent; the only place that knows all.

Order of a start: the journal is opened, then every device is tried once, then the broker; ready
once the journal is restored and the devices were tried, broker or no broker.
Order of an end: devices, what is being committed, `offline` to the broker, the cursor, the file.
"""

import gc
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import drivers
from edge_agent import __version__, status
from edge_agent.changes import Changes, changes
from edge_agent.clock import SystemClock
from edge_agent.commands import Commands
from edge_agent.configuration import BadConfiguration, Configuration, Device
from edge_agent.configuration import Journal as JournalLimits
from edge_agent.desk import Desk, Say
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.journal.writer import Writer
from edge_agent.line import Line
from edge_agent.notify import Notify
from edge_agent.outbox import Outbox
from edge_agent.outbox_words import outbox_answers
from edge_agent.ports import Condition, Source
from edge_agent.reactor import NEVER, Reactor
from edge_agent.records import Broken, DiskTrouble, NewerJournal, Restored
from edge_agent.storage import Limits
from edge_agent.synchrony import Synchrony
from edge_agent.uplink import Hooks, Uplink
from edge_agent.validation import Validation
from edge_agent.wire import messages
from edge_agent.wire import payload as wire
from edge_agent.wire.topics import Topics

HEALTH_NS: Final = 60_000_000_000
"""How often health is published when nothing changes."""

CHANGE_NS: Final = 1_000_000_000
"""How often it is looked whether something has changed; health is published at most so often."""

STATE_NS: Final = 45_000_000_000
"""How often retained states are published again: well before `messages.VALID_S` is over."""

STOP_NS: Final = 8_000_000_000
"""An end that takes longer is cut short; what was accepted is on the disk all the same."""

PONG_NS: Final = 60_000_000_000
"""A journal thread that has not answered for so long is dead: the watchdog is fed no more."""

CONNECTIONS_RESERVED: Final = 100
"""Connection numbers are taken from the journal by so many at a time; a cut skips the rest."""

GC_THRESHOLD: Final = 50_000
"""Containers made and kept before the collector looks; nothing on the path of a scan is kept."""

_SETTLE_NS: Final = 5_000_000
_MB: Final = 1024 * 1024

_log = logging.getLogger(__name__)


class Agent:
    """One agent, from its configuration to its end.

    `exit_code` is set when `reactor.run` returns; `again` asks for a fresh start of the process.
    """

    def __init__(
        self,
        configuration: Configuration,
        config: Path,
        environ: Mapping[str, str],
        clock: SystemClock,
        reactor: Reactor,
    ) -> None:
        self.exit_code = 0
        self.again = False
        self.ready = False
        self._configuration = configuration
        self._config = config
        self._environ = environ
        self._clock = clock
        self._reactor = reactor
        self._started_ns = clock.mono_ns()
        self._nonce = os.urandom(8).hex()
        self._notify = Notify(environ)
        agent = configuration.agent.id
        self._topics = Topics(configuration.site.base)
        self.outbox = Outbox(reactor, clock, limits_of(configuration.journal))
        self.line = Line(topics=self._topics, agent=agent, version=__version__, outbox=self.outbox)
        self.synchrony = Synchrony(reactor, self.outbox, self.line)
        self.uplink = Uplink(reactor, configuration.broker, self.outbox.dispatch, self._hooks())
        self.commands = Commands(
            topics=self._topics,
            agent=agent,
            outbox=self.outbox,
            sender=self.uplink,
            nonce=self._nonce,
            synced=lambda: self.synchrony.synced,
        )
        self._writer = Writer(self._open_store, reactor.post, _Told(self), clock.mono_ns)
        self.outbox.connect(self.line, self._writer, self.uplink)
        self._desk = Desk(reactor, configuration.agent.data_dir, self._answer)
        self._kinds: dict[str, str] = {}
        self._validation: Validation | None = None
        self._refused_reload = 0
        self._conditions: dict[str, Condition] = {}
        self._connection = 0
        self._connections_reserved = 0
        self._pinged_ns = NEVER
        self._ending = False
        self._stop_due_ns = NEVER
        self._health_due_ns = 0
        self._look = reactor.timer(self._on_look)
        self._states = reactor.timer(self._on_states)
        self._feed = reactor.timer(self._on_feed)
        self._settle = reactor.timer(self._on_settle)
        self._settled: Callable[[], None] = reactor.stop

    def _hooks(self) -> Hooks:
        configuration, topics = self._configuration, self._topics
        agent = configuration.agent.id
        return Hooks(
            client_id=agent,
            status_topic=topics.status(agent),
            status=self._status,
            next_connection=self._next_connection,
            subscriptions=(
                *topics.agent_commands(agent),
                *(topics.station_commands(station.id) for station in configuration.stations),
            ),
            on_command=self._hear,
            tell=self._broker_told,
            replay_wanted=self._replay_more,
            connected=self._publish_health,
        )

    def _hear(self, topic: str, payload: bytes, retained: bool) -> None:
        self.commands.hear(topic, payload, retained)

    def _replay_more(self) -> None:
        self.commands.more()

    # -- start ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin: everything else follows from the reactor's turns."""
        self._desk.open()
        self._writer.start()
        if self._notify.feed_every_ns is not None:
            self._feed.due_ns = self._clock.mono_ns()

    def _open_store(self) -> Store:
        configuration = self._configuration
        quota_bytes = configuration.journal.quota_mb * _MB
        return open_store(configuration.agent.data_dir, quota_bytes=quota_bytes)

    def opened(self, restored: Restored) -> None:
        """Go on with the journal restored: devices, then the broker."""
        self._connection = self._connections_reserved = int(restored.meta.get("connections", "0"))
        self.synchrony.opened(restored)
        self.outbox.opened(restored)
        self.outbox.note_meta("run", "running")
        self.synchrony.started()
        for report in restored.quarantined:
            _log.warning("a journal was found broken and set apart: %s", report)
        for device in self._configuration.devices:
            self._add(device)
        self.uplink.start()
        now_ns = self._clock.mono_ns()
        self._look.due_ns = now_ns + CHANGE_NS
        self._states.due_ns = now_ns
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 10, 10)
        self.ready = True
        waiting = self.outbox.dispatch.waiting()
        _log.info("ready: %d devices, %d events waiting", len(self.line.sources()), waiting)
        self._notify.ready(f"reading; {waiting} events waiting")

    def troubled(self, trouble: DiskTrouble | None) -> None:
        """Say that the disk is in trouble, or well again."""
        self.outbox.troubled(trouble)
        if trouble is not None:
            self._notify.status(f"journal: {trouble.kind}: {trouble.why}")
        elif self.ready:
            self._notify.status("reading")

    def lost(self, why: NewerJournal | Broken) -> None:
        """Stop: a newer journal must not be touched, a broken one is set apart by a fresh start."""
        self.outbox.lost_file(why)
        self._ending = True
        if isinstance(why, NewerJournal):
            _log.error("%s", why)
            self.exit_code = 78
        else:
            _log.error("the journal is broken: %s; starting anew to set it apart", why)
            self.again = True
        self._reactor.stop()

    def _add(self, device: Device) -> None:
        driver = drivers.load(device.kind)
        assert device.station is not None, "the settings ask for a station"
        source: Source = driver(
            device.name, device.station, device.keys, self._reactor, self.line.read, self.line.tell
        )
        self._kinds[device.name] = device.kind
        self.line.add(source)
        source.start()

    def _remove(self, device: Device) -> None:
        for source in self.line.sources():
            if source.name == device.name:
                source.stop()
                self.line.remove(source)

    # -- end -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End in order; a second call ends at once."""
        if self._ending or not self.ready:
            self._reactor.stop()
            return
        self._ending = True
        _log.info("stopping")
        self._notify.stopping("finishing what is being committed")
        self._stop_due_ns = self._clock.mono_ns() + STOP_NS
        for source in self.line.sources():
            source.stop()
        self._when_settled(self._say_offline)

    def _say_offline(self) -> None:
        self.uplink.stop(self._last_words)

    def _last_words(self) -> None:
        self.outbox.last_words()
        self.outbox.note_meta("run", "clean")
        self.outbox.note_meta("connections", str(self._connection))
        self._when_settled(self._leave_file)

    def _leave_file(self) -> None:
        self._writer.stop(lambda _: self._reactor.stop())

    def _when_settled(self, then: Callable[[], None]) -> None:
        self._settled = then
        self._settle.due_ns = self._clock.mono_ns()

    def _on_settle(self, now_ns: int) -> int:
        if now_ns >= self._stop_due_ns:
            _log.warning("the end was cut short; what was accepted is on the disk")
            self._reactor.stop()
            return NEVER
        if self.outbox.settled():
            self._settled()
            return self._settle.due_ns
        return now_ns + _SETTLE_NS

    def close(self) -> None:
        """Give back what the kernel must not keep."""
        self._desk.close()
        self._notify.close()

    # -- reload --------------------------------------------------------------------------------

    def reload(self) -> None:
        """Have the file validated beside us, then apply what changed; a bad one changes nothing."""
        if self._ending or not self.ready or self._validation is not None:
            return
        self._notify.reloading(self._clock.mono_ns())
        try:
            self._validation = Validation(self._config, self._environ)
        except OSError as error:
            _log.error("no reload: no validator could be started: %s", error)
            self._notify.ready("the reload failed")
            return
        self._reactor.watch(self._validation.fd, self._validated)

    def _validated(self, _events: int) -> None:
        validation = self._validation
        assert validation is not None
        if not validation.receive():
            return
        self._reactor.unwatch(validation.fd)
        self._validation = None
        try:
            wanted = validation.configuration()
        except BadConfiguration as bad:
            self._refused_reload += 1
            for problem in bad.problems:
                _log.error("%s", problem)
            _log.error("the new configuration is bad and was not taken; the last good one goes on")
            self._notify.ready("the new configuration is bad; the last good one goes on")
            return
        self._apply(changes(self._configuration, wanted))
        self._notify.ready("reloaded")

    def _apply(self, change: Changes) -> None:
        for text in change.after_restart:
            _log.warning("%s", text)
        for device in (*change.removed, *change.replaced):
            self._remove(device)
        before, self._configuration = self._configuration, change.then
        for device in (*change.replaced, *change.added):
            self._add(device)
        if change.journal:
            limits = self.outbox.storage.limits = limits_of(change.then.journal)
            self._writer.ask(lambda store: store.limit(limits.quota_bytes), lambda _: None)
        for station in change.stations_removed:
            self.uplink.publish_state(self._topics.state(station.id, "info"), b"")
        if change.stations_added or change.stations_removed:
            self.uplink.hooks.subscriptions = self._hooks().subscriptions
            self.uplink.renew()
        broker = change.then.broker
        if change.broker:
            self.uplink.reconfigure(broker)
        elif before.broker.password_file or before.broker.cert_file or before.broker.ca_file:
            self.uplink.renew()  # the files may say something else by now
        self._publish_info()
        _log.info("reloaded: %s", "nothing changed" if change.nothing else _told(change))

    # -- what is published of us ---------------------------------------------------------------

    def _asof(self) -> str:
        return wire.rfc3339(self._clock.wall_ns()).decode()

    def _status(self, state: str, connection: int) -> bytes:
        return messages.status(
            agent=self._configuration.agent.id,
            online=state == "online",
            connection=connection,
            boot=self._clock.boot,
            nonce=self._nonce,
            version=__version__,
            asof=self._asof(),
        )

    def _next_connection(self) -> int:
        self._connection += 1
        if self._connection > self._connections_reserved:
            self._connections_reserved = self._connection + CONNECTIONS_RESERVED
            self.outbox.note_meta("connections", str(self._connections_reserved))
        return self._connection

    def _on_states(self, now_ns: int) -> int:
        self.uplink.publish_status()
        self._publish_info()
        return now_ns + STATE_NS

    def _publish_info(self) -> None:
        for station in self._configuration.stations:
            self.uplink.publish_state(
                self._topics.state(station.id, "info"),
                messages.info(
                    agent=self._configuration.agent.id, station=station.id, asof=self._asof()
                ),
            )

    def _on_look(self, now_ns: int) -> int:
        conditions = self._all_conditions()
        if conditions != self._conditions or now_ns >= self._health_due_ns:
            self._conditions = conditions
            self._publish_health()
        return now_ns + CHANGE_NS

    def _publish_health(self) -> None:
        if not self.uplink.connected:
            return
        self._health_due_ns = self._clock.mono_ns() + HEALTH_NS
        outbox = self.outbox
        health = {
            "boot": self._clock.boot,
            "version": __version__,
            "last_seq": {
                outbox.epoch: {
                    "sequence": outbox.committed_upto,
                    "topics": outbox.last_numbers(),
                }
            },
            "counters": self._counters(),
            "conditions": self._all_conditions(),
            "temperature_c": status.temperature_c(),
            "agent": self._configuration.agent.id,
            "asof": self._asof(),
            "valid_s": messages.VALID_S,
        }
        topic = self._topics.health(self._configuration.agent.id)
        self.uplink.publish_state(topic, messages.rendered(health), retain=False)

    def _all_conditions(self) -> dict[str, Condition]:
        return {
            "journal": status.journal_condition(self.outbox)[0],
            "broker": self.uplink.condition,
            "clock": self.synchrony.condition,
            **{f"device:{source.name}": source.condition for source in self.line.sources()},
        }

    def _counters(self) -> dict[str, object]:
        return status.counters(
            self.outbox, self.line.reads(), self.commands.replayed, self._started_ns
        )

    def _broker_told(self, condition: Condition, why: str, remedy: str) -> None:
        if condition is Condition.OK:
            _log.info("broker: connected")
        elif condition is Condition.TROUBLE:
            _log.warning("broker: %s; %s", why, remedy)

    # -- what a person asks --------------------------------------------------------------------

    def _answer(self, question: list[str], after: object, say: Say) -> None:
        if question[:1] == ["outbox"]:
            outbox_answers(self.outbox, question[1:], after, say)
        else:
            say([self.document()], None)

    def document(self) -> dict[str, object]:
        """Give the status document."""
        uplink = self.uplink
        return {
            "agent": self._configuration.agent.id,
            "version": __version__,
            "pid": os.getpid(),
            "ready": self.ready,
            "running_s": round((self._clock.mono_ns() - self._started_ns) / 1e9, 1),
            "boot": self._clock.boot,
            "clock": "synced" if self.synchrony.synced else "unsynced",
            "counters": self._counters(),
            "journal": status.journal(self.outbox),
            "broker": {
                "condition": uplink.condition,
                "why": uplink.why,
                "remedy": uplink.remedy,
                "counters": uplink.counters(),
            },
            "devices": status.devices(self.line.sources(), self._kinds),
            "reactor": status.reactor(self._reactor),
            "commands": {"heard": self.commands.heard, "refused": self.commands.refused},
            "reloads_refused": self._refused_reload,
        }

    # -- watchdog ------------------------------------------------------------------------------

    def _on_feed(self, now_ns: int) -> int:
        feed_every_ns = self._notify.feed_every_ns
        assert feed_every_ns is not None
        if self._pinged_ns == NEVER:
            self._pinged_ns = now_ns
            self._writer.ping(self._ponged)
            self._notify.watchdog()
        elif now_ns - self._pinged_ns < PONG_NS:
            self._notify.watchdog()
        return now_ns + feed_every_ns

    def _ponged(self, _: None) -> None:
        self._pinged_ns = NEVER


class _Told:
    """What the journal's writer tells, passed on to who it concerns."""

    def __init__(self, agent: Agent) -> None:
        self.opened = agent.opened
        self.committed = agent.outbox.committed
        self.troubled = agent.troubled
        self.lost = agent.lost


def limits_of(journal: JournalLimits) -> Limits:
    """Turn the journal's section into bytes and nanoseconds."""
    return Limits(
        quota_bytes=journal.quota_mb * _MB,
        reserve_bytes=journal.reserve_mb * _MB,
        replay_bytes=journal.replay_mb * _MB,
        replay_ns=int(journal.replay_days * 86_400 * 1e9),
    )


def _told(change: Changes) -> str:
    names = [f"{device.name} removed" for device in change.removed]
    names += [f"{device.name} replaced" for device in change.replaced]
    names += [f"{device.name} added" for device in change.added]
    names += ["broker changed"] if change.broker else []
    names += ["journal limits changed"] if change.journal else []
    return ", ".join(names) or "stations changed"
