"""What the agent says of itself: the status document, and the health it publishes.

The counters balance. Since start: `reads.received = accepted + rejected + suppressed + pending`.
Per epoch: `events.stored = acknowledged + waiting + set_aside + dropped`. Replays count apart.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from edge_agent.outbox import Outbox
from edge_agent.ports import Condition, Device
from edge_agent.reactor import Reactor

STALL_NS: Final = 1_000_000_000
"""A commit that runs longer is told as a stall; reads wait in memory meanwhile."""

RATE_AFTER_NS: Final = 60_000_000_000
"""How long the agent must have run before it says how many days of autonomy are left."""

_THERMAL: Final = Path("/sys/class/thermal/thermal_zone0/temp")
_DAY_NS: Final = 86_400_000_000_000


def events(outbox: Outbox) -> dict[str, int | float | None]:
    """Count this epoch's events by what became of them."""
    return {
        "stored": outbox.committed_upto,
        "acknowledged": outbox.dispatch.acknowledged_count,
        "waiting": outbox.dispatch.waiting(),
        "set_aside": outbox.dispatch.set_aside_count,
        "dropped": outbox.dispatch.dropped_count,
    }


def counters(
    outbox: Outbox, reads: dict[str, int], replayed: int, started_ns: int
) -> dict[str, Any]:
    """Give every counter of the contract."""
    now_ns = outbox.clock.mono_ns()
    times = sorted(outbox.commit_times_ns)
    return {
        "reads": reads,
        "events": events(outbox),
        "replayed": replayed,
        "salvaged_waiting": outbox.dispatch.salvaged_waiting(),
        "unwritten": outbox.pending(),
        "oldest_waiting_s": round(outbox.dispatch.oldest_waiting_ns(now_ns) / 1e9, 3),
        "journal_bytes": outbox.storage.used_bytes,
        "days_of_autonomy": _autonomy_days(outbox, now_ns - started_ns),
        "commits": outbox.commits,
        "commit_ms_p50": _percentile_ms(times, 0.50),
        "commit_ms_p99": _percentile_ms(times, 0.99),
    }


def journal(outbox: Outbox) -> dict[str, Any]:
    """Say how the disk is."""
    condition, why, remedy = journal_condition(outbox)
    return {
        "condition": condition,
        "why": why,
        "remedy": remedy,
        "epoch": outbox.epoch,
        "last_seq": outbox.committed_upto,
    }


def journal_condition(outbox: Outbox) -> tuple[Condition, str, str]:
    """Give condition, reason and remedy of the disk."""
    if outbox.trouble is not None:
        trouble = outbox.trouble
        return Condition.TROUBLE, f"{trouble.kind}: {trouble.why}", trouble.remedy
    if not outbox.open:
        return Condition.STARTING, "", ""
    stalled_ns = outbox.stalled_ns(outbox.clock.mono_ns())
    if stalled_ns > STALL_NS:
        why = f"the disk has not answered for {stalled_ns / 1e9:.1f} s"
        return Condition.TROUBLE, why, "wait; if it lasts, check the card with 'dmesg'"
    return Condition.OK, "", ""


def devices(fitted: Iterable[Device], kinds: dict[str, str]) -> list[dict[str, Any]]:
    """Say how each device is."""
    return [
        {
            "name": one.name,
            "kind": kinds.get(one.name, ""),
            "station": one.station,
            "condition": one.condition,
            "why": one.why,
            "remedy": one.remedy,
            "counters": one.counters(),
        }
        for one in fitted
    ]


def reactor(loop: Reactor) -> dict[str, Any]:
    """Say how the loop turns."""
    return {
        "turns": loop.turns,
        "late_turns": loop.late_turns,
        "late_max_ms": round(loop.late_max_ns / 1e6, 3),
        "slowest": loop.slowest,
        "inbox_refused": loop.inbox_refused,
    }


def temperature_c() -> float | None:
    """Read the processor's temperature; None where the kernel has none."""
    try:
        return int(_THERMAL.read_text("ascii")) / 1000
    except (OSError, ValueError):
        return None


def _percentile_ms(times_ns: list[int], share: float) -> float | None:
    if not times_ns:
        return None
    return round(times_ns[min(int(len(times_ns) * share), len(times_ns) - 1)] / 1e6, 3)


def _autonomy_days(outbox: Outbox, running_ns: int) -> float | None:
    """Say for how long the quota lasts without a broker, at the rate of this run."""
    if running_ns < RATE_AFTER_NS or not outbox.storage.recorded_bytes:
        return None
    limits = outbox.storage.limits
    waiting_bytes = outbox.storage.waiting_bytes(outbox.dispatch.waiting(), outbox.committed_upto)
    left_bytes = max(limits.quota_bytes - limits.reserve_bytes - waiting_bytes, 0)
    return round(left_bytes * running_ns / outbox.storage.recorded_bytes / _DAY_NS, 2)
