"""What a driver says of a device before anybody uses it: what is wrong, its remedy."""

import fcntl
import os
import stat
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import drivers
from drivers import gpio_lines_info, port_examination, port_holder
from drivers.serial_scanner import SerialScanner
from drivers.simulated import SimulatedScanner
from drivers.simulated_inputs import SimulatedCord
from drivers.simulated_outputs import SimulatedHorn
from edge_agent.ports import Examined, Verdict
from tests.kit.nobody import as_nobody
from tests.kit.scanners import Pty

HOLD = """
import os, sys, {library}
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
{how}
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def pty() -> Iterator[Pty]:
    made = Pty()
    yield made
    made.unplug()


@contextmanager
def held(port: Path, library: str, how: str) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD.format(library=library, how=how), os.fspath(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder.pid
        holder.stdin.close()


def scanner(port: Path) -> list[Examined]:
    return list(SerialScanner.examine(SerialScanner.Keys(port=port)))


def only(found: list[Examined]) -> Examined:
    assert len(found) == 1, found
    return found[0]


# -- serial ports --------------------------------------------------------------------------------


def test_a_port_that_is_there_and_free_is_well_and_keeps_what_lies_in_it(pty: Pty) -> None:
    assert pty.scan(b"K-0417\r") == 7
    while pty.arrived() < 7:
        os.sched_yield()
    verdict, what, remedy = only(scanner(pty.path))
    assert (verdict, remedy) == (Verdict.OK, "")
    assert str(pty.path) in what
    assert pty.arrived() == 7


def test_a_port_that_is_missing_names_what_to_plug_in(tmp_path: Path) -> None:
    verdict, what, remedy = only(scanner(tmp_path / "ttyUSB0"))
    assert verdict is Verdict.FAIL
    assert what.endswith("is not there")
    assert "plug the scanner in" in remedy


@pytest.mark.parametrize("what_else", ["file", "null"])
def test_what_is_no_port_is_told(tmp_path: Path, what_else: str) -> None:
    path = Path("/dev/null")
    if what_else == "file":
        path = tmp_path / "port"
        path.write_bytes(b"")
    verdict, what, _ = only(scanner(path))
    assert verdict is Verdict.FAIL
    assert what == f"{path} is not a serial port"


@pytest.mark.parametrize(
    ("library", "how"),
    [("fcntl", "fcntl.flock(fd, fcntl.LOCK_EX)"), ("os", "")],
    ids=["with a lock", "without one"],
)
def test_a_port_that_another_process_has_names_it(pty: Pty, library: str, how: str) -> None:
    with held(pty.slave, library, how) as pid:
        verdict, what, remedy = only(scanner(pty.path))
    assert verdict is Verdict.FAIL
    assert f"is held by pid {pid}" in what
    assert "stop that one" in remedy


def test_a_claim_of_one_whose_files_we_may_not_see_is_seen(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_examination, "holder_of", lambda _port: None)
    fd = os.open(pty.slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        fcntl.ioctl(fd, termios.TIOCEXCL)
        assert port_holder.is_claimed(fd)
        verdict, what, remedy = only(scanner(pty.path))
        assert verdict is Verdict.FAIL
        assert "is held by another process" in what
        assert "fuser" in remedy
        assert port_holder.is_claimed(fd), "the claim of the other one was cleared"
    finally:
        fcntl.ioctl(fd, termios.TIOCNXCL)
        os.close(fd)


def test_a_port_that_may_not_be_opened_tells_the_group(pty: Pty) -> None:
    mode = pty.slave.stat().st_mode
    pty.slave.chmod(0)
    try:
        with as_nobody():
            verdict, what, remedy = only(scanner(pty.path))
    finally:
        pty.slave.chmod(stat.S_IMODE(mode))
    assert verdict is Verdict.FAIL
    assert what == f"no permission to open {pty.path}"
    assert "usermod -aG" in remedy


def test_a_name_that_changes_is_a_warning_with_the_name_that_stays(
    pty: Pty, tmp_path: Path
) -> None:
    port, by_id = tmp_path / "ttyUSB0", tmp_path / "by-id"
    port.symlink_to(pty.slave)
    by_id.mkdir()
    (by_id / "usb-Zebra-if00").symlink_to(pty.slave)
    warning, well = port_examination.examined(port, by_id)
    assert warning[0] is Verdict.WARN
    assert warning[2] == f'write port = "{by_id}/usb-Zebra-if00"'
    assert well[0] is Verdict.OK


# -- twins ---------------------------------------------------------------------------------------


def test_a_twin_without_its_files_is_well_and_makes_none(tmp_path: Path) -> None:
    keys = SimulatedScanner.Keys(fifo=tmp_path / "gun", answers=tmp_path / "answers")
    found = list(drivers.examined(drivers.load("simulated-scanner"), keys))
    assert [verdict for verdict, _, _ in found] == [Verdict.OK, Verdict.OK]
    assert list(tmp_path.iterdir()) == []


def test_a_fifo_is_looked_at_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cord")
    keys = SimulatedCord.Keys(fifo=tmp_path / "cord", category="quality")
    assert only(list(SimulatedCord.examine(keys)))[0] is Verdict.OK
    with pytest.raises(OSError, match="No such device or address"):  # nobody reads there
        os.open(tmp_path / "cord", os.O_WRONLY | os.O_NONBLOCK)


def test_what_is_no_fifo_is_told(tmp_path: Path) -> None:
    (tmp_path / "gun").write_bytes(b"")
    verdict, what, _ = only(
        list(SimulatedScanner.examine(SimulatedScanner.Keys(fifo=tmp_path / "gun")))
    )
    assert verdict is Verdict.FAIL
    assert "is no FIFO" in what


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    keys = SimulatedHorn.Keys(file=tmp_path / "nowhere" / "horn")
    verdict, what, remedy = only(list(SimulatedHorn.examine(keys)))
    assert verdict is Verdict.FAIL
    assert what.startswith("the folder of")
    assert "mkdir -p" in remedy


def test_a_file_that_may_not_be_written_is_told() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "horn"
        path.write_bytes(b"")
        path.chmod(0o600)
        with as_nobody():
            verdict, what, _ = only(list(SimulatedHorn.examine(SimulatedHorn.Keys(file=path))))
        assert verdict is Verdict.FAIL
        assert what.endswith("does not open: Permission denied")
        path.parent.chmod(0)
        with as_nobody():  # not even seen
            verdict, _, _ = only(list(SimulatedHorn.examine(SimulatedHorn.Keys(file=path))))
        assert verdict is Verdict.FAIL


def test_a_driver_that_offers_nothing_is_asked_nothing() -> None:
    class Silent:
        Keys = SimulatedHorn.Keys

    assert list(drivers.examined(Silent, Silent.Keys(Path("x")))) == []  # type: ignore[arg-type]


# -- GPIO: bytes as the kernel lays them out (linux/gpio.h); a kernel's answer is not shown --------


class Board:
    """A folder with chips, and a kernel that answers for them."""

    def __init__(self, folder: Path, **labels: str) -> None:
        self.dev = folder
        self.used: dict[int, bytes] = {}
        self.paths = {folder / name: label for name, label in labels.items()}
        for path in self.paths:
            path.write_bytes(b"")

    def ioctl(self, fd: int, request: int, given: bytes) -> bytes:
        label = self.paths[Path(f"/proc/self/fd/{fd}").readlink()].encode()
        if request == 0x8044B401:
            assert len(given) == 68
            return (
                b"gpiochip".ljust(32, b"\0") + label.ljust(32, b"\0") + (54).to_bytes(4, "little")
            )
        assert request == 0xC100B405
        assert len(given) == 256
        offset = int.from_bytes(given[64:68], "little")
        user = self.used.get(offset)
        name = f"{label.decode()[-1]}-GPIO{offset}".encode()
        flags = (5 if user is not None else 4).to_bytes(8, "little")
        told = name.ljust(32, b"\0") + (user or b"").ljust(32, b"\0") + given[64:72] + flags
        return told.ljust(256, b"\0")

    def lines(self, *names: str) -> list[Examined]:
        return list(gpio_lines_info.examined(names, self.dev, self.ioctl))

    def chips(self) -> Examined:
        return gpio_lines_info.examined_chips(self.dev, self.ioctl)


def test_the_chip_of_the_header_is_found_among_others(tmp_path: Path) -> None:
    board = Board(tmp_path, gpiochip0="brcmstb", gpiochip10="x", gpiochip4="pinctrl-rp1")
    verdict, what, _ = board.chips()
    assert verdict is Verdict.OK
    assert what == f"{tmp_path}/gpiochip4 (pinctrl-rp1), 54 lines"
    assert [path.name for path in gpio_lines_info.chip_paths(tmp_path)] == [
        "gpiochip0",
        "gpiochip4",
        "gpiochip10",
    ]


def test_a_line_is_free_or_says_who_uses_it(tmp_path: Path) -> None:
    board = Board(tmp_path, gpiochip0="pinctrl-bcm2711")
    board.used = {8: b"spi0 CS0", 9: b""}
    free, spi, nameless, beyond = board.lines("GPIO17", "GPIO8", "GPIO9", "GPIO54")
    assert free[0] is Verdict.OK
    assert spi[:2] == (Verdict.FAIL, "GPIO8 (1-GPIO8) is used by 'spi0 CS0'")
    assert "config.txt" in spi[2]
    assert "'another program'" in nameless[1]
    assert beyond[:2] == (Verdict.FAIL, "GPIO54 is not there")


def test_a_line_names_its_consumer_or_nobody(tmp_path: Path) -> None:
    board = Board(tmp_path, gpiochip0="pinctrl-bcm2711")
    board.used = {8: b"spi0 CS0"}
    names = ("GPIO8", "GPIO17", "nonsense")
    found = [gpio_lines_info.consumer(name, board.dev, board.ioctl) for name in names]
    assert found == ["spi0 CS0", "", ""]
    (tmp_path / "none").mkdir()
    assert gpio_lines_info.consumer("GPIO8", tmp_path / "none") == "", "no chip"
    assert gpio_lines_info.consumer("GPIO8", tmp_path) == "", "a file is no chip: the real ioctl"


def test_a_board_without_gpio_is_told(tmp_path: Path) -> None:
    board = Board(tmp_path)
    verdict, what, remedy = board.chips()
    assert verdict is Verdict.FAIL
    assert "no GPIO" in what
    assert "simulated-*" in remedy
    assert [found[0] for found in board.lines("GPIO17")] == [Verdict.FAIL]


def test_a_chip_that_may_not_be_opened_tells_the_group() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        board = Board(Path(folder), gpiochip0="pinctrl-bcm2711")
        (Path(folder) / "gpiochip0").chmod(0)
        with as_nobody():
            found = [board.chips(), *board.lines("GPIO17")]
    for verdict, what, remedy in found:
        assert verdict is Verdict.FAIL
        assert what == f"no permission to open {folder}/gpiochip0"
        assert "usermod -aG gpio" in remedy


def test_what_answers_as_no_chip_is_told(tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").write_bytes(b"")
    verdict, what, remedy = gpio_lines_info.examined_chips(tmp_path)  # a file: the real ioctl
    assert verdict is Verdict.FAIL
    assert "does not answer as a GPIO chip does" in what
    assert remedy


def test_a_library_that_is_missing_is_told() -> None:
    assert gpio_lines_info.examined_library(("os", "struct"))[0] is Verdict.OK
    verdict, what, remedy = gpio_lines_info.examined_library(("os", "no_such_gpio"))
    assert (verdict, what) == (Verdict.FAIL, "no_such_gpio is not installed")
    assert remedy
