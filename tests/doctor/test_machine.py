"""What the machine says is judged: disk, clock, unit, packages, certificates; no probe, no wait."""

import errno
import os
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_agent.configuration import Broker, Journal
from edge_agent.doctor import certificates, clocks, disk, journals, machine
from edge_agent.doctor.findings import Finding
from edge_agent.ports import Verdict
from tests.kit.nobody import as_nobody
from tests.kit.scanners import HandClock
from tests.kit.tls import OPENSSL, Authority

MS = 1_000_000
MB = 1024 * 1024
DAY_S = 86_400
NOW_S = 1_790_000_000.0

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL


def named(findings: list[Finding]) -> dict[str, Finding]:
    assert len({one.name for one in findings}) == len(findings)
    assert all(one.remedy for one in findings if one.verdict is not OK), "a remedy is missing"
    return {one.name: one for one in findings}


# -- disk ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times_ms", "verdict"),
    [
        ([1] * 25, OK),
        ([20] * 25, OK),
        ([21] * 25, WARN),
        ([1] * 24 + [1001], WARN),
        ([1001] * 3, FAIL),
        ([], WARN),
    ],
)
def test_commits_are_judged_by_their_median_and_their_worst(
    times_ms: list[int], verdict: Verdict
) -> None:
    found = disk.judged_speed([one * MS for one in times_ms])
    assert found.verdict is verdict
    assert bool(found.remedy) is (verdict is not OK)


def test_the_agents_own_measure_is_judged_the_same() -> None:
    assert disk.judged_own_speed({"commit_ms_p50": 0.4, "commit_ms_p99": 9.0}).verdict is OK
    assert disk.judged_own_speed({"commit_ms_p50": 25.0, "commit_ms_p99": 90.0}).verdict is WARN
    assert disk.judged_own_speed({"commit_ms_p50": None, "commit_ms_p99": None}).verdict is OK
    assert disk.judged_own_speed({}).verdict is OK


def test_a_series_is_measured_and_leaves_nothing(tmp_path: Path) -> None:
    clock = HandClock()
    times = disk.measured(tmp_path, clock.mono_ns)
    assert len(times) == disk.COMMITS_MAX
    assert list(tmp_path.iterdir()) == []


def test_a_series_on_a_slow_disk_ends_early(tmp_path: Path) -> None:
    clock = HandClock()

    def slow_ns() -> int:
        clock.now_ns += disk.SERIES_NS // 4
        return clock.now_ns

    assert 0 < len(disk.measured(tmp_path, slow_ns)) < disk.COMMITS_MAX
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES])
def test_a_disk_that_takes_no_commit_is_told(number: int) -> None:
    found = disk.unmeasured(OSError(number, os.strerror(number)))
    assert found.verdict is FAIL
    assert os.strerror(number) in found.what
    assert found.remedy


@pytest.mark.parametrize(
    ("free_mb", "used_mb", "read_only", "verdict"),
    [
        (256, 0, False, OK),
        (255, 0, False, WARN),
        (56, 200, False, OK),
        (0, 300, False, FAIL),  # nothing else could be written either
        (7, 0, False, FAIL),
        (9999, 0, True, FAIL),
    ],
)
def test_room_is_judged_by_what_the_journal_may_still_want(
    free_mb: int, used_mb: int, read_only: bool, verdict: Verdict
) -> None:
    found = disk.judged_room(disk.Room(free_mb * MB, used_mb * MB, read_only), Journal())
    assert found.verdict is verdict
    assert bool(found.remedy) is (verdict is not OK)


@pytest.mark.parametrize(("days", "verdict"), [(None, OK), (3.0, OK), (2.9, WARN), (0, WARN)])
def test_autonomy_must_last_a_weekend(days: float | None, verdict: Verdict) -> None:
    assert disk.judged_autonomy({"days_of_autonomy": days}).verdict is verdict


MOUNTS = """\
22 28 0:20 / /proc rw - proc proc rw
28 1 179:2 / / rw,noatime - ext4 /dev/mmcblk0p2 rw
40 28 0:33 / /run rw - tmpfs tmpfs rw
41 28 0:34 / /over rw - tmpfs tmpfs rw
42 28 0:40 / /data rw - overlay overlay rw,lowerdir=/,upperdir=/over/upper,workdir=/over/work
"""


def machine_of(folder: Path, there: Path, mounts: str, **device: str) -> disk.Medium:
    """Make a /proc and a /sys in which `there` is on a partition of an SD card or an eMMC."""
    number = there.stat().st_dev
    place = f"{os.major(number)}:{os.minor(number)}"
    (folder / "mounts").write_text(mounts.replace("179:2", place))
    partition = folder / "devices" / "mmcblk0" / "mmcblk0p2"
    partition.mkdir(parents=True)
    (partition / "partition").write_text("2")
    card = partition.parent / "device"
    card.mkdir()
    for name, text in device.items():
        (card / name).write_text(text + "\n")
    block = folder / "dev" / "block"
    block.mkdir(parents=True)
    (block / place).symlink_to(partition)
    return disk.medium_of(there, folder / "mounts", folder)


def test_an_sd_card_is_named(tmp_path: Path) -> None:
    medium = machine_of(tmp_path, tmp_path, MOUNTS, type="SD", name="SD32G", date="05/2021")
    assert medium == disk.Medium("ext4", "mmcblk0", "SD32G of 05/2021")
    found = disk.judged_medium(medium)
    assert found.verdict is OK
    assert "SD32G" in found.what


@pytest.mark.parametrize(("life", "verdict"), [("0x01 0x02", OK), ("0x01 0x0a", WARN)])
def test_an_emmc_says_how_worn_it_is(tmp_path: Path, life: str, verdict: Verdict) -> None:
    medium = machine_of(tmp_path, tmp_path, MOUNTS, type="MMC", life_time=life)
    assert disk.judged_medium(medium).verdict is verdict


def test_an_overlay_over_memory_is_memory(tmp_path: Path) -> None:
    mounts = MOUNTS.replace("179:2", "1:1").replace("0:40", "179:2")
    medium = machine_of(tmp_path, tmp_path, mounts)
    assert medium.kind == "tmpfs"
    assert disk.judged_medium(medium).verdict is FAIL


@pytest.mark.parametrize(("kind", "verdict"), [("tmpfs", FAIL), ("nfs4", WARN), ("ext4", OK)])
def test_a_file_system_that_forgets_or_is_far_is_told(kind: str, verdict: Verdict) -> None:
    assert disk.judged_medium(disk.Medium(kind)).verdict is verdict
    assert disk.judged_medium(disk.Medium("")).verdict is OK


def test_a_folder_that_is_not_made_yet_is_looked_for_above(tmp_path: Path) -> None:
    place = disk.place_of(tmp_path / "a" / "b")
    assert place.there == tmp_path
    (found,) = disk.judged_place(place, running=False)
    assert found.verdict is OK
    assert "the first start makes it" in found.what


def test_a_folder_of_somebody_else_may_not_be_written_and_its_user_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        Path(folder).chmod(0o755)
        data_dir.mkdir(mode=0o700)
        with as_nobody():
            place = disk.place_of(data_dir)
            found = named(list(disk.judged_place(place, running=False)))
            deeper = named(list(disk.judged_place(disk.place_of(data_dir / "x"), running=False)))
    assert found["data_dir"].verdict is FAIL
    assert found["data_dir"].what == f"nobody may not write in {data_dir} (it belongs to root)"
    assert found["user"].verdict is WARN
    assert "sudo -u root" in found["user"].remedy
    assert deeper["data_dir"].verdict is FAIL


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    found = named(list(disk.judged_place(disk.place_of(tmp_path / "data"), running=False)))
    assert found["data_dir"].verdict is FAIL
    assert "is no folder" in found["data_dir"].what


# -- journal -------------------------------------------------------------------------------------


def test_a_journal_at_rest_is_judged() -> None:
    assert named(list(journals.judged_rest(None)))["journal"].verdict is OK
    sound = named(list(journals.judged_rest(journals.Rest(12, 3, 2))))
    assert sound["journal"].what.endswith("3 wait for the broker")
    assert sound["set aside"].verdict is WARN
    broken = named(list(journals.judged_rest(journals.Rest(0, 0, 0, "torn", "the next start ..."))))
    assert broken["journal"].verdict is FAIL
    assert broken["journal"].remedy == "the next start ..."


def test_a_journal_that_cannot_be_copied_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "events.db").write_bytes(b"12345")
    with monkeypatch.context() as full:
        full.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=4))
        (found,) = journals.looked_at(tmp_path)
    assert found.verdict is WARN
    assert "TMPDIR" in found.remedy
    monkeypatch.setattr(journals, "resting_journal", _torn)
    (tmp_path / "journal" / "events.db").write_bytes(b"")
    (found,) = journals.looked_at(tmp_path)
    assert found.verdict is FAIL
    assert "Input/output error" in found.what


def _torn(_data_dir: Path) -> object:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


# -- clock ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "verdicts"),
    [
        (clocks.Time(NOW_S, True, NOW_S - 1, None), (OK, OK, OK)),
        (clocks.Time(NOW_S, False, NOW_S + 1, None), (FAIL, WARN, OK)),
        (clocks.Time(NOW_S, None, NOW_S - 1, int(NOW_S) - 120), (OK, WARN, OK)),
        (clocks.Time(NOW_S, True, NOW_S - 1, int(NOW_S) - 122), (OK, OK, WARN)),
    ],
)
def test_the_clock_is_judged(time: clocks.Time, verdicts: tuple[Verdict, ...]) -> None:
    found = named(list(clocks.judged(time)))
    assert tuple(one.verdict for one in found.values()) == verdicts
    assert list(found) == ["time", "sync", "battery clock"]


def test_the_clock_is_read(tmp_path: Path) -> None:
    clock = HandClock()
    (tmp_path / "rtc").write_text("1234\n")
    time = clocks.time_of(clock, tmp_path / "rtc")
    assert (time.wall_s, time.synced, time.rtc_s) == (clock.wall_ns() / 1e9, True, 1234)
    assert clocks.time_of(clock, tmp_path / "none").rtc_s is None


# -- unit and packages ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "unit"),
    [
        ("/etc/edge-agent/agent.toml", "edge-agent.service"),
        ("/etc/edge-agent/press.toml", "edge-agent@press.service"),
        ("/etc/edge-agent/press.txt", None),
        ("/srv/agent.toml", None),
    ],
)
def test_a_configuration_has_its_unit(config: str, unit: str | None) -> None:
    assert machine.unit_of(Path(config)) == unit


RUNS = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
}


@pytest.mark.parametrize(
    ("told", "verdict", "word"),
    [
        ({}, OK, "is active (running)"),
        ({"UnitFileState": "disabled"}, WARN, "not started at the next boot"),
        ({"LoadState": "not-found"}, WARN, "is not installed"),
        ({"ActiveState": "inactive", "SubState": "dead"}, WARN, "is inactive"),
        ({"ActiveState": "failed", "Result": "exit-code"}, FAIL, "exit-code"),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, FAIL, "again and again"),
    ],
)
def test_a_unit_is_judged(told: dict[str, str], verdict: Verdict, word: str) -> None:
    found = machine.judged_unit("edge-agent.service", RUNS | told)
    assert found.verdict is verdict
    assert word in found.what
    assert bool(found.remedy) is (verdict is not OK)


def test_packages_that_are_missing_or_of_another_release_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = metadata.version("sqlalchemy")
    wanted = ["sqlalchemy>=2.0,<3", "no-such-thing", "sqlalchemy<2", 'other; extra == "demo"']
    monkeypatch.setattr(metadata, "requires", lambda _name: wanted)
    found = named(list(machine.software()))
    assert found["packages"].verdict is FAIL
    assert found["packages"].what == f"no-such-thing is missing, sqlalchemy {here} is not <2"
    assert found["python"].what.endswith(sys.executable)
    monkeypatch.setattr(metadata, "requires", lambda _name: wanted[:1])
    assert named(list(machine.software()))["packages"].verdict is OK


# -- certificates --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "verdict"), [([31], OK), ([29], WARN), ([-1], FAIL), ([-1, 400], WARN), ([400], OK)]
)
def test_certificates_are_judged_by_the_days_left(days: list[int], verdict: Verdict) -> None:
    ends = [int(NOW_S) + day * DAY_S for day in days]
    assert certificates.judged("ca_file", "ca.pem", ends, NOW_S).verdict is verdict


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_certificates_are_read_from_their_files(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    certificate, _ = authority.issue("pi-a2", alternative="DNS:pi-a2")
    (ends_s,) = certificates.ends_of(certificate)
    age_s = ends_s - 2 * DAY_S - certificate.stat().st_mtime
    assert abs(age_s) < 60  # made just now, for two days
    both = tmp_path / "both.pem"
    both.write_text(authority.certificate.read_text() + certificate.read_text())
    assert len(certificates.ends_of(both)) == 2


def test_a_date_after_2049_is_read() -> None:
    # SEQUENCE { SEQUENCE { serial, signature, issuer, validity { UTCTime, GeneralizedTime } } }
    began, ends = b"\x17\x0d260101000000Z", b"\x18\x0f20500101000000Z"
    validity = b"\x30" + bytes([len(began + ends)]) + began + ends
    inside = b"\x02\x01\x01" + b"\x30\x00" + b"\x30\x00" + validity
    told = b"\x30" + bytes([len(inside)]) + inside
    assert certificates.end_of(b"\x30\x81" + bytes([len(told)]) + told) == 2_524_608_000


def test_what_is_no_certificate_is_told(tmp_path: Path) -> None:
    junk, cut = tmp_path / "junk.pem", tmp_path / "cut.pem"
    junk.write_text("this is no certificate")
    cut.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    broker = Broker((), ca_file=junk, cert_file=cut)
    found = named(list(certificates.files_looked_at(broker, NOW_S)))
    assert [one.verdict for one in found.values()] == [FAIL, FAIL]
    assert "has no certificate" in found["ca_file"].what
    missing = Broker((), ca_file=tmp_path / "missing.pem")
    (gone,) = certificates.files_looked_at(missing, NOW_S)
    assert "No such file" in gone.what
