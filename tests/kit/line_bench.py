"""An agent's core on a bench: loop, journal, outbox and line are real; clock and disk in hand.

What is missing is the broker: `Carrier` keeps what it is handed, and settles what the test says.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.journal.store import Store
from edge_agent.journal.writer import InlineWriter
from edge_agent.line import Line
from edge_agent.outbox import Outbox
from edge_agent.ports import Condition, Flaw, Outcome
from edge_agent.reactor import Reactor
from edge_agent.records import NORMAL, SALVAGED, URGENT, Batch, Entry, Restored
from edge_agent.storage import Limits
from edge_agent.synchrony import Synchrony
from edge_agent.wire.topics import Topics
from tests.kit.journals import killed, opened
from tests.kit.scanners import HandClock

MB = 1 << 20
LIMITS = Limits(64 * MB, 8 * MB, 16 * MB, 7 * 86_400 * 10**9)
TOPICS = Topics("acme/plant1/assembly/line3")
AGENT = "pi-a2"


class WallClock(HandClock):
    """A clock in hand that somebody may, or may not, have set."""

    def __init__(self) -> None:
        super().__init__()
        self.is_set = True

    def synced(self) -> bool:
        return self.is_set


class Gate:
    """The journal's writer behind a gate: while it is shut, jobs wait, as on a disk that stalls."""

    def __init__(self, writer: InlineWriter) -> None:
        self.writer = writer
        self.shut = False
        self.commits: list[Batch] = []
        self.outstanding = 0
        self._jobs: list[Callable[[], None]] = []

    def commit(self, batch: Batch) -> None:
        self.commits.append(batch)
        self.outstanding += 1
        assert self.outstanding == 1, "a second commit is handed over while one runs"
        self._do(lambda: self.writer.commit(batch))

    def ask(self, job: Callable[[Any], Any], reply: Callable[[Any], None]) -> None:
        self._do(lambda: self.writer.ask(job, reply))

    def open(self) -> None:
        self.shut = False
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            job()

    def waiting(self) -> list[Callable[[], None]]:
        """Take the jobs that wait, to let them through one by one."""
        jobs, self._jobs = self._jobs, []
        return jobs

    def _do(self, job: Callable[[], None]) -> None:
        if self.shut:
            self._jobs.append(job)
        else:
            job()


class Carrier:
    """The uplink's side: what it was handed by lane, in order, and what it asked for."""

    def __init__(self) -> None:
        self.handed: dict[int, list[Entry]] = {NORMAL: [], URGENT: [], SALVAGED: []}
        self.at_tip: dict[int, bool] = {}
        self.hurried = 0
        self.reread_count = 0

    def committed(self, lane: int, entries: list[Entry]) -> None:
        self.handed[lane] += entries

    def hurry(self) -> None:
        self.hurried += 1

    def reread(self) -> None:
        self.reread_count += 1


class Gun:
    """A scanner of paper: keeps what it is answered and how often it may go on."""

    def __init__(self, name: str = "gun-1", station: str = "A2", window_s: float = 2.0) -> None:
        self.name = name
        self.station = station
        self.repeat_window_ns = int(window_s * 1e9)
        self.condition = Condition.OK
        self.why = ""
        self.remedy = ""
        self.answers: list[tuple[bytes, Outcome, str | None, str | None]] = []
        self.resumed = 0
        self.on_resume: Callable[[], None] = lambda: None

    def start(self) -> None:
        return

    def answer(
        self, raw: bytes, outcome: Outcome, event_id: str | None, reason: str | None
    ) -> None:
        self.answers.append((raw, outcome, event_id, reason))

    def resume(self) -> None:
        self.resumed += 1
        self.on_resume()

    def quiet(self, then: Callable[[], None]) -> None:
        then()

    def stop(self, then: Callable[[], None]) -> None:
        then()

    def counters(self) -> dict[str, int]:
        return {}

    @property
    def outcomes(self) -> list[str]:
        return [outcome.value for _, outcome, _, _ in self.answers]


class Bench:
    """One run of the core on a folder; `again` is the next run after a kill."""

    def __init__(
        self, data_dir: Path, clock: WallClock | None = None, limits: Limits = LIMITS
    ) -> None:
        self.data_dir = data_dir
        self.clock = clock or WallClock()
        self.limits = limits
        self.reactor = Reactor(self.clock)
        self.outbox = Outbox(self.reactor, self.clock, limits)
        self.line = Line(topics=TOPICS, agent=AGENT, version="0", outbox=self.outbox)
        self.synchrony = Synchrony(self.reactor, self.outbox, self.line)
        self.carrier = Carrier()
        self.store: Store | None = None
        self.closed = False
        self.fault: Exception | None = None
        self.why_lost: object = None
        self.inline = InlineWriter(self._open, self.reactor.post, self, self.clock.mono_ns)
        self.gate = Gate(self.inline)
        self.outbox.connect(self.line, self.gate, self.carrier)
        self.gun = Gun()
        self.line.add(self.gun)

    def _open(self) -> Store:
        if self.fault is not None:
            raise self.fault
        self.store = opened(self.data_dir, self.limits.quota_bytes)
        return self.store

    # -- what the writer tells, as the composition root passes it on ---------------------------

    def opened(self, restored: Restored) -> None:
        self.restored = restored
        self.synchrony.opened(restored)
        self.outbox.opened(restored)
        self.outbox.note_meta("run", "running")
        self.synchrony.started()
        self.take_up(restored)
        self.line.devices.opened()

    def take_up(self, restored: Restored) -> None:
        """Take up what was open at the line, where there is one."""

    def committed(self, answer: Any) -> None:  # noqa: ANN401
        self.gate.outstanding -= 1
        self.outbox.committed(answer)

    def troubled(self, trouble: Any) -> None:  # noqa: ANN401
        self.outbox.troubled(trouble)

    def lost(self, why: object) -> None:
        self.why_lost = why

    # -- the test's side -----------------------------------------------------------------------

    def start(self) -> "Bench":
        self.inline.start()
        self.turn()
        return self

    def turn(self, times: int = 12) -> None:
        for _ in range(times):
            self.reactor.turn(wait=False)

    def scan(self, text: bytes, flaw: Flaw = Flaw.NONE, gun: Gun | None = None) -> bool:
        return self.line.read(
            gun or self.gun, text, self.clock.mono_ns(), self.clock.wall_ns(), flaw
        )

    def pass_s(self, seconds: float) -> None:
        self.clock.now_ns += int(seconds * 1e9)
        self.turn()

    def connect(self) -> None:
        """Read every lane to its tip, as a new connection does."""
        for lane in (URGENT, SALVAGED, NORMAL):
            self.carrier.handed[lane] = []
            self.page(lane, self.outbox.dispatch.acknowledged_upto(lane))
            self.turn()

    def page(self, lane: int, after: int) -> None:
        def take(entries: list[Entry], at_tip: bool) -> None:
            self.carrier.handed[lane] += entries
            self.carrier.at_tip[lane] = at_tip
            if not at_tip:
                self.page(lane, entries[-1].seq if entries else after)

        self.outbox.dispatch.page(lane, after, take)

    def acknowledge_all(self) -> None:
        for lane, entries in self.carrier.handed.items():
            for entry in entries:
                self.outbox.dispatch.acknowledged(lane, entry.seq)
            entries.clear()
        self.turn()

    def events(self) -> list[dict[str, Any]]:
        """Give every sound event on the disk, by number."""
        assert self.store is not None
        rows = self.store.all_after(0, 100_000)
        found = [json.loads(row.payload) for row in rows if row.sound]
        for event in found:
            event["data"].pop("fields", None)
        return found

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events()]

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
            self.store = None
        self.reactor.close()
        self.closed = True

    def again(self, *, boot: str | None = None) -> "Bench":
        """Kill this run and begin the next on what is left; its clock goes on."""
        Bench.lives = getattr(Bench, "lives", 0) + 1
        into = self.data_dir.parent / f"life-{Bench.lives}"
        killed(self.data_dir, into)
        self.close()
        if boot is not None:
            self.clock.boot = boot
        return Bench(into, self.clock, self.limits)
