"""GPIO lines that cannot be had, or are lost: what is wrong, what to do, and working again."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.gpio_outputs import GpioHorn, GpioLamp
from drivers.gpio_pins import use_pins
from drivers.outlet import RETRY_MAX_NS, RETRY_MIN_NS
from edge_agent.ports import Condition, Pattern
from tests.kit.boards import Bench

MS = 1_000_000


@pytest.fixture
def rig() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.reactor.close()
    use_pins(None)


def test_a_line_that_the_board_has_not(rig: Bench) -> None:
    lamp = rig.lamp(red="GPIO77")
    lamp.start()
    assert lamp.why == "this board has no GPIO77"
    assert "`pinout`" in lamp.remedy


def test_a_line_of_another_device_here(rig: Bench) -> None:
    rig.lamp().start()
    horn = GpioHorn("horn", "A3", GpioHorn.Keys(pin="GPIO13"), rig.reactor, rig.tell)
    horn.start()
    horn.sound("A", loud=False)
    assert horn.why == "GPIO13 is a line of another device here"
    assert not rig.board.level("GPIO13"), "and is left alone"


def test_a_line_that_is_given_back_can_be_another_devices(rig: Bench) -> None:
    lamp = rig.lamp()
    lamp.start()
    lamp.stop()
    horn = GpioHorn("horn", "A3", GpioHorn.Keys(pin="GPIO13"), rig.reactor, rig.tell)
    horn.start()
    assert horn.condition is Condition.OK


def test_a_machine_without_the_library(rig: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    use_pins(None)
    monkeypatch.setitem(sys.modules, "gpiozero.pins.lgpio", None)
    horn = rig.horn()
    horn.start()
    horn.sound("A", loud=False)
    assert horn.condition is Condition.TROUBLE
    assert horn.why.startswith("the library for GPIO is not installed")
    assert "a Python that lgpio is built for" in horn.remedy
    use_pins(rig.board)
    rig.wait(RETRY_MIN_NS)
    assert rig.board.level("GPIO21")


def test_a_working_directory_that_the_library_cannot_write(
    rig: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_pins(None)
    (tmp_path / "lgpio.py").write_text("raise FileNotFoundError('.lgd-nfy-3')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("lgpio", "gpiozero.pins.lgpio"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    horn = rig.horn()
    horn.start()
    assert horn.why == ("the library for GPIO cannot write into the working directory: .lgd-nfy-3")


def test_a_chip_that_goes_away_and_comes_back(rig: Bench) -> None:
    lamp = rig.lamp()
    lamp.start()
    lamp.show({"red": Pattern.FLASH_FAST, "green": Pattern.STEADY}, rig.clock.now_ns)
    rig.board.gone = True
    rig.wait(60_000 * MS)
    assert lamp.why == "GPIO5 does not answer: [Errno 5] chip gone"
    rig.board.gone = False
    rig.wait(RETRY_MAX_NS)
    assert rig.levels("GPIO13") == [True]
    assert [condition for _, condition, _, _ in rig.told] == ["ok", "trouble", "ok"]
    lamp.stop()
    assert rig.levels("GPIO5", "GPIO6", "GPIO13") == [False] * 3


def test_who_leaves_while_its_chip_is_away_leaves_all_the_same(rig: Bench) -> None:
    horn = rig.horn()
    horn.start()
    horn.sound("B", loud=False)
    rig.board.gone = True
    gone: list[bool] = []
    horn.stop(lambda: gone.append(True))
    assert gone == [True]


def test_what_cannot_be_made_safe_is_told_and_the_rest_is_safe(rig: Bench) -> None:
    for line in ("GPIO5", "GPIO6"):
        pin = rig.board.pin(line)
        pin.output_with_state(True)
    rig.board.busy.add("GPIO5")
    troubles = GpioLamp.make_safe(GpioLamp.Keys(red="GPIO5", yellow="GPIO6"))
    assert [trouble.why for trouble in troubles] == ["GPIO5 is held by another program"]
    rig.board.busy.clear()
    assert rig.levels("GPIO5", "GPIO6") == [True, False]
