"""What is lost, doubled or out of order when the broker goes, and when the process is killed."""

import random
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from tests.bench.report import Figure, at_most
from tests.bench.speed import Run, all_standing
from tests.bench.stand import (
    SCAN_LENGTH,
    START_S,
    Down,
    Stand,
    came,
    drive,
    elapsed,
    quiet,
    standing,
    turn,
)
from tests.bench.subscriber import Balance

RETURN_LIMIT_S = 60
"""What has not arrived so long after the broker's return counts as lost."""

KILL_RATE = 100
"""Scans a second under which processes are killed: what waits meanwhile must fit into the tty."""

BACKLOG = 15_450
"""Events that wait for the broker: five hours and a bit of a line that scans every 1.2 s."""

_QUIET_S = 4.0
_STUCK_S = 10.0  # with its broker up, who is silent for so long does not go on by itself
_SEED = 20_261_121
_OPENING_NS = 50_000_000  # a port seen open may still be thrown empty by its opener


@dataclass
class Toll:
    """The counts of one disaster, for all contenders."""

    lost: Figure
    repeats: Figure
    disorder: Figure
    invented: Figure

    @classmethod
    def of(cls, what: str, lost: str = "lost") -> "Toll":
        none = (at_most(0, "none"),)
        return cls(
            Figure(f"{what}: {lost}", "", none, ratio=False),
            Figure(f"{what}: repeats by id", "", ratio=False),
            Figure(f"{what}: out of order", "", none, ratio=False),
            Figure(f"{what}: invented or twice", "", none, ratio=False),
        )

    def take(self, stand: Stand, lost: int) -> None:
        found, key = stand.balance(), stand.contender.key
        strangers = sum(n >= stand.made for n in found.arrived_ns)
        self.lost.add(key, lost)
        self.repeats.add(key, found.repeats)
        self.disorder.add(key, found.disorder)
        self.invented.add(key, found.invented + found.twice + strangers)

    def all(self) -> list[Figure]:
        return [self.lost, self.repeats, self.disorder, self.invented]


def _missing(stand: Stand, first: int) -> int:
    arrived = stand.balance().arrived_ns
    return sum(n not in arrived for n in range(first, stand.made))


def _return_brokers(stands: Sequence[Stand]) -> None:
    """Start the brokers again; each subscriber's `first_ns` is when its own let it in."""
    for stand in stands:
        stand.subscriber.first_ns = 0
        stand.broker.start()


def outage(run: Run) -> list[Figure]:
    """20 s without a broker at 50 scans a second; then quick ones, for the time of return."""
    toll = Toll.of("outage", "not arrived")
    drained = Figure("drained after the broker's return", "s")
    back = Figure("broker's return to first event", "s", (at_most(2, "half within 2"),))
    worst = Figure("  the slowest return", "s", (at_most(5),))
    with ExitStack() as stack:
        stands = all_standing(stack, run, qos=1)
        for stand in stands:
            stand.first = stand.made
        pauses = [run.pick(20, 5)] + run.pick(6, 1) * [run.pick(9, 3)]
        returns = [_one_outage(stands, pause_s, n) for n, pause_s in enumerate(pauses)]
        drive(stands, quiet(stands, _STUCK_S), RETURN_LIMIT_S)
        for stand in stands:
            _alive(run, stand)
            toll.take(stand, _missing(stand, stand.first))
        for one in chain.from_iterable(returns):
            back.add(one.stand.contender.key, one.first_s())
        for one in returns[0]:
            if (took_s := one.drained_s()) is not None:
                drained.add(one.stand.contender.key, took_s)
    for key, values in back.samples.items():
        worst.add(key, max(values))
    return [*toll.all(), drained, back, worst]


def _alive(run: Run, stand: Stand) -> None:
    try:
        assert stand.pid
    except Down as why:
        run.note(str(why))


@dataclass
class Return:
    """A broker's return: when it let the subscriber in, and what was made and had come by then."""

    stand: Stand
    gone: int  # the first scan that the broker cannot have had before
    made: int
    came: int
    back_ns: int = 0

    def first_s(self) -> float:
        """Say how long the first event took; `RETURN_LIMIT_S` where none has come.

        What the broker had kept for its subscriber comes first and is no event's return.
        """
        arrived = self.stand.balance().arrived_ns
        news = [at for n, at in arrived.items() if n >= self.gone and at >= self.back_ns]
        return (min(news) - self.back_ns) / 1e9 if news else RETURN_LIMIT_S

    def drained_s(self) -> float | None:
        """Say when the last of what had waited came; None where it has not."""
        arrived = self.stand.balance().arrived_ns
        if any(n not in arrived for n in range(self.stand.first, self.made)):
            return None
        last_ns = max(at for n, at in arrived.items() if n < self.made)
        return (last_ns - self.back_ns) / 1e9


def _one_outage(stands: list[Stand], pause_s: float, seed: int) -> list[Return]:
    drive(stands, elapsed(2), 3, per_s=50, seed=seed)
    for stand in stands:
        stand.broker.stop()
    gone = [stand.made for stand in stands]
    drive(stands, elapsed(pause_s), pause_s + 1, per_s=50, seed=seed + 100)
    returns = [
        Return(stand, first, stand.made, len(stand.subscriber.arrivals))
        for stand, first in zip(stands, gone, strict=True)
    ]
    _return_brokers(stands)

    def all_back() -> bool:
        return all(len(r.stand.subscriber.arrivals) > r.came for r in returns)

    drive(stands, all_back, RETURN_LIMIT_S, per_s=50, seed=seed + 200)
    drive(stands, lambda: all(s.all_arrived(s.first) for s in stands), 5)
    for one in returns:
        one.back_ns = one.stand.subscriber.first_ns
    return returns


def backlog(run: Run) -> list[Figure]:
    """Time the draining of what has waited, from the broker's return."""
    count = run.pick(BACKLOG, 1000)
    whole = Figure(f"{count:,} waiting: drained after return", "s")
    per_s = Figure("  rate from first to last event", "events/s")
    with ExitStack() as stack:
        stands = all_standing(stack, run, qos=1)
        for _ in range(run.pick(3, 1)):
            for stand in stands:
                _one_backlog(run, stand, count, whole, per_s)
    return [whole, per_s]


def _one_backlog(run: Run, stand: Stand, count: int, whole: Figure, per_s: Figure) -> None:
    key = stand.contender.key
    stand.broker.stop()
    first, answered = stand.made, stand.answered
    stand.scan(count)

    def kept() -> bool:
        return stand.fed and (not stand.contender.answers or stand.answered - answered >= count)

    if not drive([stand], kept, 2 * RETURN_LIMIT_S):
        run.note(
            f"{stand.contender.title}: took {stand.answered - answered} of {count} scans offline"
        )
    drive([stand], elapsed(1), 2)
    mark = len(stand.subscriber.arrivals)
    _return_brokers([stand])
    drive([stand], lambda: stand.all_arrived(first), RETURN_LIMIT_S)
    news = stand.subscriber.arrivals[mark:]
    if _missing(stand, first) or not news:
        run.note(
            f"{stand.contender.title}: {_missing(stand, first)} of {count} that waited never came"
        )
        return
    whole.add(key, (news[-1][0] - stand.subscriber.first_ns) / 1e9)
    per_s.add(key, len(news) / max((news[-1][0] - news[0][0]) / 1e9, 1e-9))


@dataclass
class Life:
    """A process between two kills: the scans that it read whole, and how many it answered."""

    first: int
    opened_ns: int
    upto: int = 0
    cut: bool = False  # scan `upto` was read in part: it is nobody's, its rest was taken out
    answered: int | None = 0  # None: it gives no answers, so whatever it read must arrive


def kills(run: Run) -> list[Figure]:
    """SIGKILL under load, ten times; what was answered must have arrived."""
    toll = Toll.of(f"{run.pick(10, 3)} SIGKILLs")
    answered = Figure("  scans answered ((b): read)", "", ratio=False)
    unsaid = Figure("  read, no answer given, gone", "", ratio=False)
    thrown = Figure("  unread, gone when the tty was opened", "", ratio=False)
    for contender in run.who:
        try:
            with standing(contender, run.folder, qos=1) as stand:
                lives = _kill_often(stand, run.pick(10, 3))
                cost = losses(lives, stand)
                toll.take(stand, cost.lost)
                answered.add(contender.key, cost.due)
                unsaid.add(contender.key, cost.unanswered)
                thrown.add(contender.key, cost.thrown)
        except Down as why:
            run.note(str(why))
    return [*toll.all(), answered, unsaid, thrown]


def _kill_often(stand: Stand, times: int) -> list[Life]:
    chance = random.Random(_SEED)
    answered, lives = stand.answered, [Life(stand.made, 0)]
    for number in range(times):
        drive([stand], elapsed(chance.uniform(0.1, 1.0)), 2, per_s=KILL_RATE, seed=number)
        stand.stop(signal.SIGKILL)
        answered = _end_life(stand, lives[-1], answered)
        stand.start()
        lives.append(Life(lives[-1].upto + lives[-1].cut, _wait_open(stand, number)))
        mark = len(stand.subscriber.arrivals)
        drive(
            [stand],
            came(stand, mark + 1),
            START_S,
            per_s=KILL_RATE,
            seed=number + 100,
        )
    drive([stand], lambda: stand.fed, 5)
    drive([stand], quiet([stand], _QUIET_S), RETURN_LIMIT_S)
    _end_life(stand, lives[-1], answered)
    return lives


def _end_life(stand: Stand, life: Life, answered_before: int) -> int:
    """Note what a life has read and answered; return the answers so far."""
    for _ in range(3):
        turn([stand], 0.005)  # the kernel moves the last bytes through the tty in its own time
    life.upto = (stand.written_bytes - stand.unread_bytes()) // SCAN_LENGTH
    life.cut = stand.take_fragment()
    life.answered = stand.answered - answered_before if stand.contender.answers else None
    return stand.answered


def _wait_open(stand: Stand, seed: int) -> int:
    """Scan on until the new process holds the tty; return when."""
    if not drive([stand], stand.holds_tty, START_S, per_s=KILL_RATE, seed=seed + 200):
        raise Down(f"{stand.contender.title} did not open its tty within {START_S} s")
    return time.monotonic_ns()


class Ledger(Protocol):
    """What was made and what came of it."""

    sent_ns: list[int]

    def balance(self) -> Balance: ...


@dataclass
class Losses:
    """Scans that never came: answered, read but not answered, thrown away by opening the tty."""

    due: int = 0  # scans that had to arrive
    lost: int = 0
    unanswered: int = 0
    thrown: int = 0


def losses(lives: Sequence[Life], ledger: Ledger) -> Losses:
    """Count what never came, life by life: answers come in the order of the scans."""
    arrived, found = ledger.balance().arrived_ns, Losses()
    for life in lives:
        opened_ns = life.opened_ns + _OPENING_NS
        read = range(life.first, life.upto)
        gone = [n for n in read if n not in arrived]
        away = 0
        while away < len(gone) and gone[away] == life.first + away:
            if ledger.sent_ns[gone[away]] >= opened_ns:
                break
            away += 1
        left = read[away:]
        answered = len(left) if life.answered is None else life.answered
        found.lost += sum(n not in arrived for n in left[:answered])
        found.lost += max(0, answered - len(left))  # answered, and yet among those thrown away
        found.unanswered += sum(n not in arrived for n in left[answered:])
        found.thrown += away
        found.due += answered
    return found
