"""How fast and how dear: latency, bursts, idling, the first event after exec."""

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contenders import BARE, SCRIPT, Contender
from tests.bench.gauges import Cpu, pss_bytes, rss_bytes
from tests.bench.report import NODE_RED_PER_S, Figure, at_least, at_most, mark, times
from tests.bench.stand import Down, Stand, all_in, came, drive, elapsed, quiet, standing

BURST_LIMIT_S = 60
BURST_LIMIT_QUICK_S = 10
"""A burst that has not arrived by then counts with what has."""

FIRST_LIMIT_S = 20
"""A start that has delivered nothing by then is `Down`."""

_SETTLE_S = 5
_MB = 1_000_000


@dataclass(frozen=True)
class Run:
    """What one run of the bench is about: who, where, how much, and where notes go.

    `pulls` is how many are asked for in each case of the light; 0 leaves it to the group.
    """

    who: Sequence[Contender]
    folder: Path
    quick: bool
    note: Callable[[str], None]
    pulls: int = 0

    def pick(self, full: int, quick: int) -> int:
        return quick if self.quick else full


def all_standing(stack: ExitStack, run: Run, *, qos: int = 0) -> list[Stand]:
    """Set up whoever can stand; who cannot is noted and left out."""
    stands = []
    for contender in run.who:
        try:
            stands.append(stack.enter_context(standing(contender, run.folder, qos=qos)))
        except Down as why:
            run.note(str(why))
    return stands


def latency(run: Run) -> list[Figure]:
    """Scan to subscriber at 20 a second, and the CPU of an event at that rate."""
    below_b = times(SCRIPT.key, 1, at_most=True, text="below (b)")
    p50 = Figure(
        "latency p50", "ms", (times(BARE.key, 1.4, at_most=True, text="1.4x (a)"), below_b)
    )
    p95, p99 = Figure("latency p95", "ms"), Figure("latency p99", "ms")
    cpu_us = Figure("CPU per event at 20/s", "us")
    with ExitStack() as stack:
        stands = all_standing(stack, run)
        for turn in range(run.pick(5, 2)):
            for stand in stands:
                first, cpu = stand.made, Cpu(stand.pid)
                drive([stand], elapsed(run.pick(15, 5)), 30, per_s=20, seed=turn)
                drive([stand], all_in(stand, first), _SETTLE_S)
                cpu_us.add(stand.contender.key, cpu.used_ns() / 1000 / (stand.made - first))
                arrived = stand.balance().arrived_ns
                took = [
                    (arrived[n] - stand.sent_ns[n]) / 1e6
                    for n in range(first, stand.made)
                    if n in arrived
                ]
                cuts = statistics.quantiles(took, n=100, method="inclusive")
                for figure, cut in ((p50, 49), (p95, 94), (p99, 98)):
                    figure.add(stand.contender.key, cuts[cut])
    return [p50, p95, p99, cpu_us]


def burst(run: Run) -> list[Figure]:
    """Push bursts through the tty, as fast as it takes them."""
    count = run.pick(20_000, 5_000)
    goals = [times(SCRIPT.key, f, at_most=False, text=f"{f}x (b)") for f in (8, 15)]
    node_red = mark(at_least(NODE_RED_PER_S, "Node-RED's 28,800"))
    per_s = Figure(f"burst of {count:,}", "events/s", (*goals, node_red))
    cpu_us = Figure("CPU per event of the burst", "us", (at_most(80), at_most(43)))
    memory = Figure("PSS after it", "MB")
    with ExitStack() as stack:
        stands = all_standing(stack, run)
        for _ in range(run.pick(3, 2)):
            for stand in stands:
                _burst_once(run, stand, count, per_s, cpu_us)
                memory.add(stand.contender.key, pss_bytes(stand.pid) / _MB)
    return [per_s, cpu_us, memory]


def _burst_once(run: Run, stand: Stand, count: int, per_s: Figure, cpu_us: Figure) -> None:
    arrivals, first, cpu = stand.subscriber.arrivals, stand.made, Cpu(stand.pid)
    wanted = len(arrivals) + count
    stand.scan(count)
    if not drive([stand], came(stand, wanted), run.pick(BURST_LIMIT_S, BURST_LIMIT_QUICK_S)):
        run.note(f"{stand.contender.title}: the rest of a burst that took too long was left out")
    elif not stand.all_arrived(first):
        run.note(f"{stand.contender.title}: a burst has not arrived whole")
    arrived = len(arrivals) - wanted + count
    cpu_us.add(stand.contender.key, cpu.used_ns() / 1000 / max(arrived, 1))
    took_s = (arrivals[-1][0] - stand.sent_ns[first]) / 1e9
    per_s.add(stand.contender.key, arrived / took_s)
    stand.forget_unread()
    drive([stand], quiet([stand], 0.5), _SETTLE_S)


def idle(run: Run) -> list[Figure]:
    """Nothing to do: CPU and memory, each contender alone on the machine."""
    seconds = run.pick(60, 8)
    cpu_s = Figure("idle CPU", "s/minute", (at_most(0.1),))
    pss = Figure("idle PSS", "MB", (at_most(60), mark(at_most(45, "mark 45"))))
    rss = Figure("idle RSS (shared pages in full)", "MB")
    for contender in run.who:
        try:
            with standing(contender, run.folder) as stand:
                cpu = Cpu(stand.pid)
                drive([stand], elapsed(seconds), seconds + 1)
                cpu_s.add(contender.key, cpu.used_ns() / 1e9 * 60 / seconds)
                pss.add(contender.key, pss_bytes(stand.pid) / _MB)
                rss.add(contender.key, rss_bytes(stand.pid) / _MB)
        except Down as why:
            run.note(str(why))
    return [cpu_s, pss, rss]


def start(run: Run) -> list[Figure]:
    """From exec to the first event, with a scan waiting in the tty and more coming."""
    first_ms = Figure("exec to first event", "ms", (at_most(600),))
    times_each = run.pick(10, 4)
    waited = Figure(f"  the scan that waited came, of {times_each}", "", ratio=False)
    with ExitStack() as stack:
        stands = all_standing(stack, run)
        for _ in range(times_each):
            for stand in stands:
                try:
                    first_ms.add(stand.contender.key, _start_once(stand, waited))
                except Down as why:
                    run.note(str(why))
    for samples in waited.samples.values():
        samples[:] = [sum(samples)]
    return [first_ms, waited]


def _start_once(stand: Stand, waited: Figure) -> float:
    """Stop, make one scan, execute; scans every 10 ms, since some throw away what waited."""
    drive([stand], quiet([stand], 0.2), _SETTLE_S)
    stand.stop()
    first, before = stand.made, len(stand.subscriber.arrivals)
    stand.scan()
    began_ns = stand.start()
    if not drive([stand], came(stand, before + 1), FIRST_LIMIT_S, per_s=100, seed=first):
        raise Down(f"{stand.contender.title}: no event within {FIRST_LIMIT_S} s of exec")
    first_ns = stand.subscriber.arrivals[before][0]
    drive([stand], quiet([stand], 0.3), _SETTLE_S)
    waited.add(stand.contender.key, float(first in stand.balance().arrived_ns))
    return (first_ns - began_ns) / 1e6
