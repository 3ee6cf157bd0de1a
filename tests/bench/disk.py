"""What an event costs the disk: fdatasync per event and commit, bytes on the device."""

import time

from tests.bench.contenders import PRODUCT, Contender
from tests.bench.gauges import Disk, SyncCount, own_disk
from tests.bench.report import Figure, at_most
from tests.bench.speed import Run
from tests.bench.stand import Down, Stand, came, drive, elapsed, standing

GROUPS = {1: 2000, 8: 1000, 64: 500}
"""How many groups of each size are scanned: several rounds of SQLite's checkpoint."""

GROUPS_QUICK = {1: 334, 8: 250, 64: 84}
"""One round of the product's checkpoint each, or its share would be luck."""

SLOW_SHARE = 8
"""Who commits each scan alone is asked for so many times fewer groups: each costs the same."""

LIMITS_BYTES = {1: 10_500, 8: 3_000, 64: 1_100}
"""What the product may write for an event, by scans in a group."""

LIMIT_S = 60
"""A contender that is not through by then counts with the groups it did."""


class _Figures:
    """The four figures of one size of group."""

    def __init__(self, group: int, how: str) -> None:
        limit = at_most(LIMITS_BYTES[group])
        self.bytes = Figure(f"{how} bytes/event, {group} at once", "", (limit,))
        self.syncs = Figure(f"fdatasync/event, {group} at once", "")
        self.per_commit = Figure(f"fdatasync/commit, {group} at once", "", (at_most(1.05),))
        self.commits = Figure(f"events/commit, {group} at once", "", ratio=False)
        self.flushes = Figure(f"device flushes/event, {group} at once", "")

    def all(self) -> list[Figure]:
        rows = [self.bytes, self.syncs, self.per_commit, self.commits, self.flushes]
        return [row for row in rows if row.samples]


def disk(run: Run) -> list[Figure]:
    """Scan groups of 1, 8 and 64, each waited for, on a disk of their own."""
    groups = GROUPS_QUICK if run.quick else GROUPS
    with own_disk(run.folder) as where:
        if not where.is_device:
            run.note(
                "no root or no loop device: bytes are /proc/PID/io write_bytes, not the device's"
            )
        how = "device" if where.is_device else "process"
        figures = {group: _Figures(group, how) for group in groups}
        for contender in run.who:
            data = where.folder / contender.key
            data.mkdir()
            try:
                with standing(contender, run.folder, data=data) as stand:
                    for group, count in groups.items():
                        share = count if contender.answers else count // min(group, SLOW_SHARE)
                        _groups(run, stand, where, group, share, figures[group])
            except Down as why:
                run.note(str(why))
    return [row for figure in figures.values() for row in figure.all()]


def _groups(run: Run, stand: Stand, where: Disk, group: int, count: int, out: _Figures) -> None:
    contender = stand.contender
    _scan_groups(
        stand, group, max(10, count // 10)
    )  # the way it is when it has gone on for a while
    syncs = SyncCount(stand.pid, run.folder)
    drive([stand], elapsed(0.2), 1)
    commits = contender.commits(stand.process, stand.data)
    before = where.counts(stand.pid)
    events = _scan_groups(stand, group, count) * group
    after = where.counts(stand.pid)
    synced = syncs.close()
    made = contender.commits(stand.process, stand.data)
    key = contender.key
    out.bytes.add(key, (after[0] - before[0]) / events)
    if after[1] is not None and before[1] is not None:
        out.flushes.add(key, (after[1] - before[1]) / events)
    if synced is not None:
        out.syncs.add(key, synced / events)
    if made is not None and commits is not None and made > commits:
        out.commits.add(key, events / (made - commits))
        if synced is not None:
            out.per_commit.add(key, synced / (made - commits))
    _remark(run, contender, syncs, made)


def _remark(run: Run, contender: Contender, syncs: SyncCount, made: int | None) -> None:
    if not syncs.how:
        run.note("neither perf nor strace may look: fdatasync is not counted")
    elif syncs.how == "strace":
        run.note("fdatasync counted by strace")
    if made is None and contender is PRODUCT:
        run.note("`status --json` says no `commits`: fdatasync per commit is not known")


def _scan_groups(stand: Stand, group: int, count: int) -> int:
    """Scan groups, each as one piece and after the last has arrived; return how many."""
    until_s = time.monotonic() + LIMIT_S
    for done in range(count):
        wanted = len(stand.subscriber.arrivals) + group
        stand.scan(group)
        if not drive([stand], came(stand, wanted), LIMIT_S):
            raise Down(f"{stand.contender.title}: a group of {group} has not arrived")
        if time.monotonic() > until_s:
            return done + 1
    return count
