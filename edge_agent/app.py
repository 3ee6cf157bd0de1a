"""The composition root: a configuration becomes a running agent; the only place that knows all.

Order of a start: the journal is opened, then every device is tried once, then the broker; ready
once the journal is restored and the devices were tried, broker or no broker.
The order of an end is that of `ending`.
"""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from edge_agent import __version__
from edge_agent.andon import Andon
from edge_agent.announcing import Announcer
from edge_agent.changes import Changes
from edge_agent.commands import Commands
from edge_agent.configuration import Configuration
from edge_agent.configuration import Journal as JournalLimits
from edge_agent.desk import Desk, Say
from edge_agent.edges import Edges
from edge_agent.ending import Ending
from edge_agent.equipment import Equipment
from edge_agent.journal.store import Store
from edge_agent.labels.decoder import Decoder
from edge_agent.line import Line
from edge_agent.notify import Notify
from edge_agent.outbox import Outbox
from edge_agent.outbox_words import outbox_answers
from edge_agent.ports import Clock, Condition
from edge_agent.reactor import Reactor
from edge_agent.records import Broken, DiskTrouble, NewerJournal, Restored
from edge_agent.reloading import Reloading, told
from edge_agent.storage import Limits
from edge_agent.synchrony import Synchrony
from edge_agent.uplink import Hooks
from edge_agent.vigil import Vigil
from edge_agent.wire import messages
from edge_agent.wire.topics import Topics

UNREADABLE_TRIES_MAX: Final = 8
"""Attempts to open a journal that the disk does not read, some 10 s; then it is set apart."""

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
        clock: Clock,
        reactor: Reactor,
        *,
        edges: Edges | None = None,
    ) -> None:
        edges = edges or Edges()
        self.exit_code = 0
        self.again = False
        self.ready = False
        self._configuration = configuration
        self._edges = edges
        self._clock = clock
        self._reactor = reactor
        nonce = os.urandom(8).hex()
        self._notify = Notify(environ)
        agent = configuration.agent.id
        self._topics = Topics(configuration.site.base)
        self.outbox = Outbox(reactor, clock, limits_of(configuration.journal))
        self.line = Line(topics=self._topics, agent=agent, version=__version__, outbox=self.outbox)
        self.line.decoder = Decoder(configuration.layouts)
        self.synchrony = Synchrony(reactor, self.outbox, self.line)
        self.andon = self._andon()
        self.equipment = Equipment(reactor, self.line, self.andon, edges.driver)
        self.announcer = Announcer(
            reactor, configuration, self.outbox, self.line, self.synchrony, nonce
        )
        self.announcer.equipment, self.announcer.andon = self.equipment, self.andon
        self.uplink = self.announcer.uplink = edges.uplink(
            reactor, configuration.broker, self.outbox.dispatch, self._hooks()
        )
        self.commands = self.announcer.commands = self._commands(nonce)
        self._writer = edges.writer(self._open_store, reactor.post, _Told(self), clock.mono_ns)
        self.outbox.connect(self.line, self._writer, self.uplink)
        self._desk = Desk(reactor, configuration.agent.data_dir, self._answer)
        self.reloading = Reloading(
            *(reactor, configuration, config, environ, self._notify, self._apply),
            self.andon.objection,
        )
        self.announcer.reloading = self.reloading
        self._vigil = Vigil(reactor, self._notify, self._writer.ping)
        self._openings = 0
        self._ending = Ending(reactor, self.line, self.outbox, self)
        self.equipment.ended = lambda: self._ending.begun

    def _commands(self, nonce: str) -> Commands:
        return Commands(
            topics=self._topics,
            agent=self._configuration.agent.id,
            outbox=self.outbox,
            sender=self.uplink,
            nonce=nonce,
            synced=lambda: self.synchrony.synced,
            line=self.andon.orders.obey,
        )

    def _andon(self) -> Andon:
        andon = Andon(
            reactor=self._reactor,
            configuration=self._configuration,
            topics=self._topics,
            outbox=self.outbox,
            synced=lambda: self.synchrony.synced,
        )
        self.synchrony.heard = andon.clock_set
        andon.changed = self._line_changed
        andon.unsure = self.line.unsure
        self.line.in_training = self.line.urgent.in_training = andon.in_training
        self._listen(andon)
        return andon

    def _listen(self, andon: Andon) -> None:
        """Have scans heard by andon where there are badges, codes of reasons, or parts to count."""
        said = self._configuration
        wanted = said.people or said.reasons or any(one.count_scans for one in said.stations)
        self.line.scanned = andon.orders.scanned if wanted else None
        self.line.heard = andon.orders.heard if wanted else None

    def _hooks(self) -> Hooks:
        configuration, topics = self._configuration, self._topics
        agent = configuration.agent.id
        return Hooks(
            client_id=agent,
            status_topic=topics.status(agent),
            status=self.announcer.status,
            next_connection=self.announcer.next_connection,
            subscriptions=(
                *topics.agent_commands(agent),
                *(topics.station_commands(station.id) for station in configuration.stations),
            ),
            on_command=self._hear,
            tell=self._broker_told,
            replay_wanted=self._replay_more,
            replay_settled=self._replay_settled,
            connected=self.announcer.publish_health,
            cleared=self.announcer.retained.cleared,
        )

    def _line_changed(self) -> None:
        if self.ready:
            self.announcer.publish_line()

    def _hear(self, topic: str, payload: bytes, retained: bool) -> None:
        self.commands.hear(topic, payload, retained)

    def _replay_more(self) -> None:
        self.commands.more()

    def _replay_settled(self, seq: int, reason: str) -> None:
        self.commands.settled(seq, reason)

    # -- start ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin: everything else follows from the reactor's turns."""
        self._desk.open()
        self._writer.start()
        self.equipment.begin(self._configuration.devices)
        self._vigil.begin()

    def _open_store(self) -> Store:
        configuration = self._configuration
        quota_bytes = configuration.journal.quota_mb * _MB
        self._openings += 1  # only the journal's thread counts
        return self._edges.open_store(
            configuration.agent.data_dir,
            quota_bytes=quota_bytes,
            unreadable_is_broken=self._openings > UNREADABLE_TRIES_MAX,
        )

    def opened(self, restored: Restored) -> None:
        """Go on with the journal restored: devices, then the broker."""
        self.synchrony.opened(restored)
        self.outbox.opened(restored)
        self.outbox.note_meta("run", "running")
        self.synchrony.started()
        self.andon.opened(restored)
        self.line.devices.opened()  # now it is known who is in training
        self.equipment.opened(self._configuration.devices)
        self.uplink.start()
        self.announcer.begin(restored.meta)
        self._edges.ready()
        self.ready = True
        waiting = self.outbox.dispatch.waiting()
        if self._configuration.andons:
            _log.info("this is no emergency stop, and no part of a safety chain")
        _log.info("ready: %d devices, %d events waiting", len(self.equipment.all()), waiting)
        self._vigil.ready(f"reading; {waiting} events waiting")

    def troubled(self, trouble: DiskTrouble | None) -> None:
        """Say that the disk is in trouble, or well again."""
        self.outbox.troubled(trouble)
        if trouble is not None:
            if not self.ready:
                self.equipment.shut_out(self._configuration.devices)
            self._vigil.state(f"journal: {trouble.kind}: {trouble.why}")
        else:
            self._vigil.state("reading" if self.ready else "opening the journal")

    def lost(self, why: NewerJournal | Broken) -> None:
        """Stop: a newer journal must not be touched, a broken one is set apart by a fresh start."""
        self.outbox.lost_file(why)
        if isinstance(why, NewerJournal):
            _log.error("%s", why)
            self.exit_code = 78
        else:
            _log.error("the journal is broken: %s; starting anew to set it apart", why)
            self.again = True
        self._ending.cut(self.equipment.sources(), self.equipment.others())

    # -- end -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End in order; a second call cuts the end short, a third ends at once."""
        if not self.ready:
            self._reactor.stop()
        elif self._ending.begun:
            self._ending.cut(self.equipment.sources(), self.equipment.others())
        else:
            _log.info("stopping")
            self._notify.stopping("finishing what is being committed")
            self._ending.begin(self.equipment.sources(), self.equipment.others())

    def say_offline(self, then: Callable[[], None]) -> None:
        """Take leave of the broker."""
        self.uplink.stop(then)

    def say_last_words(self) -> None:
        """Have written what the next start is to know."""
        self.outbox.last_words()
        self.outbox.note_meta("run", "clean")

    def leave_file(self, then: Callable[[], None]) -> None:
        """Leave the journal."""
        self._writer.stop(lambda _: then())

    def close(self) -> None:
        """Give back what the kernel must not keep."""
        self.reloading.close()
        self._desk.close()
        self._notify.close()

    # -- reload --------------------------------------------------------------------------------

    def reload(self) -> None:
        """Have the file validated beside us, then apply what changed; a bad one changes nothing."""
        if self.ready and not self._ending.begun:
            self.reloading.begin()

    def _apply(self, change: Changes) -> None:
        """Make the change; what cannot change while running was told already."""
        before, self._configuration = self._configuration, change.then
        gone = {device.name for device in (*change.removed, *change.replaced)}
        self.equipment.exchange(gone, change.then.devices)
        self.line.decoder = Decoder(change.then.layouts)
        if change.line:
            self.andon.replan(change.then)
            self._listen(self.andon)
            self.announcer.line_changed(change)
        self.line.agent_event(
            messages.AGENT_RELOADED, messages.agent_reloaded(told(change), [*change.after_restart])
        )
        if change.journal:
            limits = self.outbox.storage.limits = limits_of(change.then.journal)
            self._writer.ask(lambda store: store.limit(limits.quota_bytes), lambda _: None)
        if change.stations_added or change.stations_removed:
            self.uplink.hooks.subscriptions = self._hooks().subscriptions
            self.uplink.renew()
        if change.broker:
            self.uplink.reconfigure(change.then.broker)
        elif before.broker.password_file or before.broker.cert_file or before.broker.ca_file:
            self.uplink.renew()  # the files may say something else by now

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
        return self.announcer.document(ready=self.ready)


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
