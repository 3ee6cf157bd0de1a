"""The disk under `data_dir`: may it be written, is it one that keeps, has it room, is it quick."""

import errno
import os
import pwd
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from edge_agent.configuration import Journal
from edge_agent.doctor.findings import Finding
from edge_agent.journal import folder
from edge_agent.ports import Verdict

GROUP: Final = "disk"

COMMITS_MAX: Final = 25
"""Commits that are measured, of a block each."""

SERIES_NS: Final = 3_000_000_000
"""A series ends after so long: a slow disk is known to be slow after a few."""

SLOW_NS: Final = 20_000_000
"""Median commit above which scans are answered noticeably late: a warning."""

STUCK_NS: Final = 1_000_000_000
"""Median commit above which a disk is of no use; one commit as long is a warning."""

WEEKEND_DAYS: Final = 3.0
"""With less autonomy a broker that goes on Friday evening costs events: a warning."""

_MB: Final = 1024 * 1024
_BLOCK: Final = bytes(4096)
_BLOCKS: Final = 16  # written round and round, as a WAL is
_CARD: Final = "get an industrial card, or a disk; see `dmesg` for errors of this one"
_LARGE: Final = "`du -xh / | sort -h | tail` says what is large"
_IN_MEMORY: Final = ("tmpfs", "ramfs", "devtmpfs")
_FAR: Final = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "glusterfs", "ceph")


# -- the folder ----------------------------------------------------------------------------------


class Place(NamedTuple):
    """What is at `data_dir`: `there` is it, or the nearest folder above it that exists."""

    data_dir: Path
    there: Path
    is_folder: bool
    writable: bool
    owner: str
    user: str


def place_of(data_dir: Path) -> Place:
    """Look at the folder."""
    there = data_dir
    while (found := _stat(there)) is None:
        there = there.parent
    return Place(
        data_dir,
        there,
        stat.S_ISDIR(found.st_mode),
        os.access(there, os.R_OK | os.W_OK | os.X_OK, effective_ids=True),
        _name(found.st_uid),
        _name(os.geteuid()),
    )


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        if path == path.parent:
            raise
        return None


def judged_place(place: Place, *, running: bool) -> Iterator[Finding]:
    """Say whether an agent can keep its things there."""
    made = place.there == place.data_dir
    verdict, remedy = Verdict.OK, ""
    if not place.is_folder:
        verdict, what = Verdict.FAIL, f"{place.there} is no folder"
        remedy = "move it away, or write another agent.data_dir"
    elif not place.writable:
        verdict = Verdict.FAIL
        what = f"{place.user} may not write in {place.there} (it belongs to {place.owner})"
        remedy = f"`sudo chown {place.user} {place.there}`, or ask as {place.owner}"
    elif not made:
        what = f"{place.data_dir} is not there yet: the first start makes it"
    else:
        what = f"{place.data_dir}, of {place.owner}, may be written"
    yield Finding("data_dir", GROUP, verdict, what, remedy)
    if made and place.owner != place.user and not running:
        what = f"looked at as {place.user}, and data_dir belongs to {place.owner}: what the agent"
        yield Finding(
            "user",
            "agent",
            Verdict.WARN,
            f"{what} may open was not seen",
            f"`sudo -u {place.owner} edge-agent doctor ...`",
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


# -- room ----------------------------------------------------------------------------------------


class Room(NamedTuple):
    """Free bytes for who asks, bytes of the journal now, and whether it is mounted read-only."""

    free_bytes: int
    journal_bytes: int
    read_only: bool


def room_of(there: Path, data_dir: Path) -> Room:
    """Ask the file system."""
    told = os.statvfs(there)
    files = folder.place(data_dir)
    try:
        used = sum(path.stat().st_size for path in files.iterdir())
    except OSError:  # none yet, or not ours to look into
        used = 0
    return Room(told.f_bavail * told.f_frsize, used, bool(told.f_flag & os.ST_RDONLY))


def judged_room(room: Room, limits: Journal) -> Finding:
    """Say whether the journal can grow to its quota."""
    free_mb = room.free_bytes // _MB
    wanted_mb = max(limits.quota_mb - room.journal_bytes // _MB, 0)
    if room.read_only:
        what = "the file system is read-only: nothing can be kept"
        remedy = (
            "see `dmesg`: a card that fails is often made read-only; mount it `rw`, or renew it"
        )
        return Finding("room", GROUP, Verdict.FAIL, what, remedy)
    what = f"{free_mb} MB free, the journal may still want {wanted_mb} MB"
    if free_mb < limits.reserve_mb:
        return Finding("room", GROUP, Verdict.FAIL, what, f"make room: {_LARGE}")
    if free_mb < wanted_mb:
        less = room.journal_bytes // _MB + free_mb
        remedy = f"make room ({_LARGE}), or lower journal.quota_mb below {less}"
        return Finding("room", GROUP, Verdict.WARN, what, remedy)
    return Finding("room", GROUP, Verdict.OK, what)


def judged_autonomy(counters: dict[str, Any]) -> Finding:
    """Say for how long the running agent keeps everything without a broker."""
    days = counters.get("days_of_autonomy")
    if not isinstance(days, int | float):
        what = "not known yet: the agent has run too shortly, or read nothing"
        return Finding("autonomy", GROUP, Verdict.OK, what)
    what = f"{days:.1f} days without a broker, at the rate of this run"
    if days >= WEEKEND_DAYS:
        return Finding("autonomy", GROUP, Verdict.OK, what)
    remedy = "raise journal.quota_mb where the disk has room, and see why events wait"
    return Finding("autonomy", GROUP, Verdict.WARN, f"only {what}", remedy)


# -- what it is made of --------------------------------------------------------------------------


class Medium(NamedTuple):
    """File system and device; `card` names the SD card, `worn` tenths of an eMMC's life."""

    kind: str
    device: str = ""
    card: str = ""
    worn: int = 0


def medium_of(
    there: Path, mounts: Path = Path("/proc/self/mountinfo"), sys: Path = Path("/sys")
) -> Medium:
    """Find out what a folder is on; what cannot be found out stays empty."""
    number = there.stat().st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    kind = _upper(_mounted(mounts, device), mounts)
    block = (sys / "dev" / "block" / device).resolve()
    disk = block.parent if (block / "partition").exists() else block
    if not disk.name.startswith("mmcblk"):
        return Medium(kind, disk.name if disk.exists() else "")
    card = disk / "device"
    if _read(card / "type") == "SD":
        return Medium(kind, disk.name, f"{_read(card / 'name')} of {_read(card / 'date')}")
    lives = [int(word, 16) for word in _read(card / "life_time").split() if word.startswith("0x")]
    return Medium(kind, disk.name, worn=max(lives, default=0))


def judged_medium(medium: Medium) -> Finding:
    """Say whether it keeps what it was given when the power goes."""
    kind, on = medium.kind or "unknown", f" on {medium.device}" if medium.device else ""
    verdict, what, remedy = Verdict.OK, f"{kind}{on}", ""
    if kind in _IN_MEMORY:
        verdict = Verdict.FAIL
        what = f"{kind}: memory, a power cut loses every event"
        remedy = "write an agent.data_dir on a disk (overlay off: `raspi-config`)"
    elif kind in _FAR:
        verdict = Verdict.WARN
        what = f"{kind}: on another machine; events wait for the network, and locks may not hold"
        remedy = "write an agent.data_dir on a disk of this machine"
    elif medium.card:
        what += f": an SD card ({medium.card}); only industrial ones survive power cuts for years"
    elif medium.worn:
        what += f": eMMC, {(medium.worn - 1) * 10} to {medium.worn * 10} % of its life used"
        if medium.worn >= 10:  # noqa: PLR2004 - DEVICE_LIFE_TIME_EST of JEDEC: 0x0A is 90 to 100 %
            verdict, remedy = Verdict.WARN, "renew it: its life is used up"
    return Finding("medium", GROUP, verdict, what, remedy)


def _mounted(mounts: Path, device: str) -> tuple[str, str]:
    """Give kind and options of the file system of a device."""
    for line in _read(mounts).splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2:3] == [device]:
            kind, _, options = (*after.split(" ", 2), "", "")[:3]
            return kind, options
    return "", ""


def _upper(mounted: tuple[str, str], mounts: Path) -> str:
    """Look under an overlay: what is written goes into its upper folder, often in memory."""
    kind, options = mounted
    upper = next((w[9:] for w in options.split(",") if w.startswith("upperdir=")), "")
    if kind != "overlay" or not upper:
        return kind
    below = [line.split(" - ") for line in _read(mounts).splitlines() if " - " in line]
    under = [
        (before.split()[4], after.split()[0])
        for before, after in below
        if Path(upper).is_relative_to(before.split()[4]) and before.split()[4] != "/"
    ]
    _, found = max(under, key=lambda one: len(one[0]), default=("", kind))
    return found if found in _IN_MEMORY else kind


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


# -- speed ---------------------------------------------------------------------------------------


def measured(data_dir: Path, mono_ns: Callable[[], int]) -> list[int]:
    """Measure commits: a block written and flushed, in a file that has no name any more.

    Raises OSError.
    """
    path = data_dir / f".doctor-{os.getpid()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        path.unlink()
        os.pwrite(fd, _BLOCK * _BLOCKS, 0)
        os.fsync(fd)
        times_ns: list[int] = []
        end_ns = mono_ns() + SERIES_NS
        while len(times_ns) < COMMITS_MAX and (began_ns := mono_ns()) < end_ns:
            os.pwrite(fd, _BLOCK, len(times_ns) % _BLOCKS * len(_BLOCK))
            os.fdatasync(fd)
            times_ns.append(mono_ns() - began_ns)
        return times_ns
    finally:
        os.close(fd)


def judged_speed(times_ns: list[int]) -> Finding:
    """Say whether scans are answered as quickly as people expect it."""
    if not times_ns:
        return Finding("commit", GROUP, Verdict.WARN, "not one was done in time", _CARD)
    middle_ns, worst_ns = median(times_ns), max(times_ns)
    what = f"median {middle_ns / 1e6:.1f} ms, worst of {len(times_ns)} {worst_ns / 1e6:.1f} ms"
    return _speed(what, middle_ns, worst_ns)


def judged_own_speed(counters: dict[str, Any]) -> Finding:
    """Say the same by what the running agent has measured itself."""
    middle_ms, worst_ms = counters.get("commit_ms_p50"), counters.get("commit_ms_p99")
    if not isinstance(middle_ms, int | float) or not isinstance(worst_ms, int | float):
        return Finding("commit", GROUP, Verdict.OK, "the agent has not committed anything yet")
    what = f"the agent's own: median {middle_ms:.1f} ms, 99 of 100 below {worst_ms:.1f} ms"
    return _speed(what, middle_ms * 1e6, worst_ms * 1e6)


def _speed(what: str, middle_ns: float, worst_ns: float) -> Finding:
    if middle_ns > STUCK_NS:
        return Finding("commit", GROUP, Verdict.FAIL, f"{what}: lights come seconds late", _CARD)
    if middle_ns > SLOW_NS:
        return Finding("commit", GROUP, Verdict.WARN, f"{what}: lights come late", _CARD)
    if worst_ns > STUCK_NS:
        return Finding("commit", GROUP, Verdict.WARN, f"{what}: now and then it stalls", _CARD)
    return Finding("commit", GROUP, Verdict.OK, what)


def unmeasured(error: OSError) -> Finding:
    """Say why commits could not be measured."""
    remedies = {
        errno.ENOSPC: f"make room: {_LARGE}",
        errno.EROFS: "mount it `rw`; see `dmesg` for why it is read-only",
        errno.EIO: _CARD,
    }
    what = f"the disk does not take a commit: {error.strerror}"
    remedy = remedies.get(error.errno or 0, "let this user write in agent.data_dir")
    return Finding("commit", GROUP, Verdict.FAIL, what, remedy)
