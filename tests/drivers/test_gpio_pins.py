"""What goes wrong with a GPIO line or its chip, in words, each with what to do about it.

Not shown: a line that the kernel itself refuses, and a chip that goes away under the library.
"""

import errno
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from gpiozero import exc
from gpiozero.pins.mock import MockFactory

from drivers import gpio_lines_info, gpio_pins
from edge_agent.ports import Verdict

BUSY = OSError(errno.EBUSY, "GPIO busy")

ASK = """
from drivers.gpio_pins import pins
from drivers.reopening import Trouble
try:
    pins()
except Trouble as trouble:
    print(trouble.why)
    print(trouble.remedy)
"""


@pytest.mark.parametrize(
    ("error", "why", "remedy"),
    [
        (exc.GPIOPinInUse("x"), "GPIO17 is a line of another device here", "lines of its own"),
        (exc.PinInvalidPin("x"), "this board has no GPIO17", "`pinout`"),
        (exc.PinFixedPull("x"), "GPIO17 has a resistor of its own to 3.3 V", 'pull = "up"'),
        (BUSY, "GPIO17 is held by another program", "`gpioinfo | grep -w GPIO17`"),
        (OSError(5, "dead"), "GPIO17 does not answer: [Errno 5] dead", "`gpiodetect`"),
    ],
)
def test_each_fault_of_a_line_has_its_words(error: Exception, why: str, remedy: str) -> None:
    trouble = gpio_pins.explained("GPIO17", error)
    assert trouble.why == why
    assert remedy in trouble.remedy


def test_a_busy_line_names_its_holder_when_the_kernel_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpio_lines_info, "consumer", {"GPIO8": "spi0 CS0"}.get)
    trouble = gpio_pins.explained("GPIO8", BUSY)
    assert trouble.why == "GPIO8 is held by another program, which calls itself 'spi0 CS0'"
    assert "config.txt" in trouble.remedy


def test_a_resistor_of_the_board_itself_is_the_fault_that_the_library_raises() -> None:
    pin = MockFactory().pin("GPIO2")
    with pytest.raises(exc.PinFixedPull) as raised:
        pin.input_with_pull("down")
    assert isinstance(raised.value, gpio_pins.faults())


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ((Verdict.FAIL, "no permission to open /dev/gpiochip0", "join"), "no permission to open"),
        ((Verdict.OK, "/dev/gpiochip0", ""), "this board has no GPIO that opens: not a Pi"),
    ],
)
def test_pins_that_do_not_open_say_why(
    monkeypatch: pytest.MonkeyPatch, found: tuple[Verdict, str, str], why: str
) -> None:
    monkeypatch.setattr(gpio_lines_info, "examined_chips", lambda: found)
    trouble = gpio_pins._unopened(exc.PinUnknownPi("not a Pi"))
    assert trouble.why.startswith(why)
    assert trouble.remedy


@pytest.mark.skipif(bool(gpio_lines_info.chip_paths()), reason="this board has GPIO")
@pytest.mark.skipif(find_spec("lgpio") is None, reason="lgpio is not built for this Python")
def test_a_board_without_gpio_says_so_with_the_library_itself(tmp_path: Path) -> None:
    where = Path(gpio_pins.__file__).parents[1]
    asked = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=tmp_path,  # lgpio leaves a FIFO where it stands
        env={"PYTHONPATH": str(where)},
        capture_output=True,
        text=True,
        check=True,
    )
    why, remedy = asked.stdout.splitlines()
    assert why.startswith("this board has no GPIO: no /dev/gpiochip* is there")
    assert "simulated-*" in remedy
