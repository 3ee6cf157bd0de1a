"""The twins of lamps, horns and outputs: their files, to the letter, and files that do not write.

What every lamp, horn and output keeps, twin or real, is in tests/contract/test_outputs.py.
"""

import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.outlet import RETRY_MAX_NS, RETRY_MIN_NS
from drivers.simulated_outputs import SimulatedHorn, SimulatedLamp, SimulatedOutput
from edge_agent.ports import Condition, Device, Pattern
from edge_agent.reactor import Reactor
from tests.kit.outputs import FAR_BYTES
from tests.kit.scanners import HandClock, let_pass

MS = 1_000_000


class Rig:
    """A reactor on a clock in the hand, a folder, and what devices tell."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.reactor = Reactor(self.clock)
        self.folder = folder
        self.file = folder / "twin.jsonl"
        self.told: list[tuple[Condition, str, str]] = []

    def tell(self, device: Device, condition: Condition, why: str, remedy: str) -> None:
        assert device.name == "twin-1"
        self.told.append((condition, why, remedy))

    def lamp(self, *lights: str) -> SimulatedLamp:
        keys = SimulatedLamp.Keys(self.file, lights or ("red", "yellow", "green"))
        return SimulatedLamp("twin-1", "A3", keys, self.reactor, self.tell)

    def horn(self) -> SimulatedHorn:
        keys = SimulatedHorn.Keys(self.file)
        return SimulatedHorn("twin-1", "A3", keys, self.reactor, self.tell)

    def output(self, **keys: str) -> SimulatedOutput:
        made = SimulatedOutput.Keys(self.file, **keys)  # type: ignore[arg-type]
        return SimulatedOutput("twin-1", None, made, self.reactor, self.tell)

    def lines(self) -> list[dict[str, object]]:
        text = self.file.read_text("ascii").replace("\0", "")
        return [json.loads(line) for line in text.splitlines()]

    def said(self) -> list[tuple[object, ...]]:
        return [tuple(line.values())[1:] for line in self.lines()]

    def wait(self, ns: int) -> None:
        """Let time go by, from one due timer to the next."""
        let_pass(self.reactor, self.clock, ns)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.reactor.close()


# -- to the letter ---------------------------------------------------------------------------------


def test_a_lamp_writes_a_line_for_each_light_at_the_start_and_one_for_each_change(rig: Rig) -> None:
    lamp = rig.lamp()
    lamp.start()
    began_ns = rig.clock.now_ns
    rig.wait(7 * MS)
    lamp.show({"yellow": Pattern.FLASH_FAST}, began_ns)
    assert rig.file.read_text("ascii") == (
        f'{{"mono_ns": {began_ns}, "light": "red", "pattern": "off"}}\n'
        f'{{"mono_ns": {began_ns}, "light": "yellow", "pattern": "off"}}\n'
        f'{{"mono_ns": {began_ns}, "light": "green", "pattern": "off"}}\n'
        f'{{"mono_ns": {began_ns + 7 * MS}, "light": "yellow", "pattern": "flash-2hz"}}\n'
    )


def test_a_horn_writes_its_tune_and_off_for_silence(rig: Rig) -> None:
    horn = rig.horn()
    horn.start()
    horn.sound("A", loud=False)
    horn.sound("A", loud=False)
    horn.sound("A", loud=True)
    horn.sound("", loud=True)
    now_ns = rig.clock.now_ns
    assert rig.lines() == [
        {"mono_ns": now_ns, "tune": "off"},
        {"mono_ns": now_ns, "tune": "A"},
        {"mono_ns": now_ns, "tune": "A", "loud": True},
        {"mono_ns": now_ns, "tune": "off"},
    ]


def test_an_output_writes_its_request_false_at_the_start(rig: Rig) -> None:
    output = rig.output()
    output.start()
    output.request(on=True)
    output.request(on=True)
    assert rig.file.read_text("ascii").splitlines() == [
        f'{{"mono_ns": {rig.clock.now_ns}, "on": false}}',
        f'{{"mono_ns": {rig.clock.now_ns}, "on": true}}',
    ]
    assert output.on
    assert not output.heartbeat


def test_an_output_with_an_open_stop_is_never_false_at_the_start(rig: Rig) -> None:
    output = rig.output()
    output.request(on=True)
    assert not rig.file.exists()
    output.start()
    assert rig.said() == [(True,)]


def test_a_heartbeat_writes_its_request_and_no_beats(rig: Rig) -> None:
    output = rig.output(purpose="heartbeat", on_agent_loss="stop")
    output.start()
    output.request(on=True)
    rig.wait(10_000 * MS)
    assert output.heartbeat
    assert rig.said() == [(False,), (True,)]


def test_a_signal_is_a_line_and_what_is_shown_comes_back_with_one(rig: Rig) -> None:
    lamp = rig.lamp("green", "red")
    lamp.start()
    lamp.show({"green": Pattern.STEADY}, rig.clock.now_ns)
    lamp.signal("green", Pattern.PULSE)
    rig.wait(149 * MS)
    assert rig.said()[2:] == [("green", "steady"), ("green", "pulse-150ms")]
    rig.wait(MS)
    assert rig.said()[4:] == [("green", "steady")]
    lamp.signal("red", Pattern.BLINK_3)
    rig.wait(1500 * MS)
    assert rig.said()[5:] == [("red", "blink-3"), ("red", "off")]
    lamp.signal("blue", Pattern.PULSE)
    assert len(rig.said()) == 7, "a light that it has not"


def test_two_signals_are_two_lines_and_end_once(rig: Rig) -> None:
    lamp = rig.lamp("green")
    lamp.start()
    lamp.signal("green", Pattern.PULSE)
    rig.wait(100 * MS)
    lamp.signal("green", Pattern.PULSE)
    lamp.show({"green": Pattern.STEADY}, rig.clock.now_ns)
    rig.wait(149 * MS)
    assert rig.said()[1:] == [("green", "pulse-150ms")] * 2
    rig.wait(MS)
    assert rig.said()[3:] == [("green", "steady")]


def test_a_rhythm_that_is_shown_and_played_once_ends_dark(rig: Rig) -> None:
    lamp = rig.lamp("green")
    lamp.start()
    lamp.show({"green": Pattern.STEADY}, rig.clock.now_ns)
    lamp.show({"green": Pattern.PULSE}, rig.clock.now_ns - 50 * MS)
    rig.wait(100 * MS)
    assert rig.said()[2:] == [("green", "pulse-150ms"), ("green", "off")]
    lamp.show({"green": Pattern.STEADY}, rig.clock.now_ns)
    lamp.show({"green": Pattern.PULSE}, rig.clock.now_ns - 150 * MS)
    assert rig.said()[4:] == [("green", "steady"), ("green", "off")], "over already"


def test_files_are_added_to_from_one_life_to_the_next(rig: Rig) -> None:
    rig.file.write_text("what was there\n")
    for _ in range(2):
        output = rig.output()
        output.start()
        output.stop()
    assert rig.file.read_text().splitlines()[0] == "what was there"
    assert rig.file.read_text().count('"on": false') == 2


# -- who leaves ------------------------------------------------------------------------------------


def test_who_leaves_darkens_and_silences_but_withdraws_no_request(rig: Rig) -> None:
    lamp = rig.lamp("green")
    lamp.start()
    lamp.show({"green": Pattern.STEADY}, rig.clock.now_ns)
    lamp.stop()
    assert rig.said()[-1] == ("green", "off")
    horn = rig.horn()
    horn.start()
    horn.sound("B", loud=False)
    horn.stop()
    assert rig.said()[-1] == ("off",)
    output = rig.output()
    output.start()
    output.request(on=True)
    output.stop()
    assert rig.said()[-1] == (True,)


def test_made_safe_from_outside_a_lamp_is_dark_and_a_horn_silent(rig: Rig) -> None:
    assert SimulatedLamp.make_safe(SimulatedLamp.Keys(rig.file, ("green", "red"))) == []
    assert SimulatedHorn.make_safe(SimulatedHorn.Keys(rig.file)) == []
    assert SimulatedOutput.make_safe(SimulatedOutput.Keys(rig.file)) == []
    assert rig.said() == [("green", "off"), ("red", "off"), ("off",)]
    assert all(isinstance(line["mono_ns"], int) for line in rig.lines())


def test_what_cannot_be_made_safe_is_told(rig: Rig) -> None:
    troubles = SimulatedHorn.make_safe(SimulatedHorn.Keys(rig.folder / "none" / "horn"))
    assert ["mkdir -p" in trouble.remedy for trouble in troubles] == [True]


# -- files that do not write -----------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_trouble_and_what_is_true_then_is_written(rig: Rig) -> None:
    rig.file = rig.folder / "later" / "lamp"
    lamp = rig.lamp()
    lamp.start()
    assert lamp.condition is Condition.TROUBLE
    assert "the folder of" in lamp.why
    assert lamp.remedy == f"make it: `mkdir -p {rig.file.parent}`"
    lamp.show({"red": Pattern.STEADY}, rig.clock.now_ns)
    lamp.show({"yellow": Pattern.STEADY}, rig.clock.now_ns)
    rig.file.parent.mkdir()
    assert not rig.file.exists()
    rig.wait(RETRY_MAX_NS)
    assert lamp.condition is Condition.OK
    assert rig.said() == [("red", "off"), ("yellow", "steady"), ("green", "off")]
    assert [condition for condition, _, _ in rig.told] == [Condition.TROUBLE, Condition.OK]


def test_a_file_that_nobody_may_write_is_trouble_with_its_remedy(rig: Rig) -> None:
    rig.file.mkdir()
    horn = rig.horn()
    horn.start()
    horn.sound("A", loud=False)
    assert horn.why == f"{rig.file} cannot be written: Is a directory"
    assert "the right to write it" in horn.remedy


def test_a_full_disk_is_trouble_that_never_reaches_the_caller(rig: Rig) -> None:
    rig.file.symlink_to("/dev/full")
    output = rig.output()
    output.start()
    output.request(on=True)
    output.request(on=False)
    output.request(on=True)
    assert output.on
    assert output.why == f"{rig.file} cannot grow: No space left on device"
    rig.file.unlink()
    rig.wait(RETRY_MAX_NS)
    assert rig.said() == [(True,)]
    assert output.counters() == {"asked": 3, "changes": 3, "troubles": 1}


@contextmanager
def grown_at_most_by(file: Path, more: int) -> Iterator[None]:
    """Let a file grow by so many bytes only: writes are cut there, then fail."""
    os.truncate(file, FAR_BYTES)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FAR_BYTES + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, heard)


def test_a_line_that_was_cut_is_finished_before_the_next(rig: Rig) -> None:
    horn = rig.horn()
    horn.start()
    rig.clock.now_ns += 1
    with grown_at_most_by(rig.file, 20):
        horn.sound("A", loud=False)
        assert horn.condition is Condition.TROUBLE
        rig.wait(2 * RETRY_MIN_NS)
        horn.sound("C", loud=False)
    assert not rig.file.read_text().endswith("\n"), "cut"
    rig.wait(RETRY_MAX_NS)
    assert horn.condition is Condition.OK
    assert rig.said() == [("off",), ("A",), ("C",)]


def test_a_file_that_was_exchanged_while_it_did_not_write_gets_all_that_is_true(rig: Rig) -> None:
    lamp = rig.lamp()
    lamp.start()
    with grown_at_most_by(rig.file, 20):
        lamp.show({"red": Pattern.STEADY}, rig.clock.now_ns)
        assert lamp.condition is Condition.TROUBLE
    rig.file.unlink()
    rig.wait(RETRY_MAX_NS)
    assert rig.said() == [("red", "steady"), ("yellow", "off"), ("green", "off")]


def test_the_wait_between_two_attempts_doubles_up_to_its_bound(rig: Rig) -> None:
    rig.file.mkdir()
    horn = rig.horn()
    horn.start()
    waits = []
    for _ in range(7):
        due_ns = rig.reactor.next_due_ns()
        waits.append(due_ns - rig.clock.now_ns)
        rig.clock.now_ns = due_ns
        rig.reactor.turn(wait=False)
    assert waits == [min(RETRY_MIN_NS << n, RETRY_MAX_NS) for n in range(7)]
    rig.file.rmdir()
    rig.wait(RETRY_MAX_NS)
    rig.file.unlink()
    assert horn.condition is Condition.OK, "and begins anew"


def test_a_device_that_is_left_in_trouble_leaves_all_the_same(rig: Rig) -> None:
    rig.file.mkdir()
    lamp = rig.lamp()
    lamp.start()
    gone: list[bool] = []
    lamp.stop(lambda: gone.append(True))
    lamp.stop(lambda: gone.append(True))
    assert gone == [True, True]
    assert rig.told[-1][0] is Condition.TROUBLE


# -- keys ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lights", "words"),
    [
        ((), "lights: names none; write some of red, yellow, green, blue, white"),
        (("amber",), "lights: 'amber' is none; write red, yellow, green, blue, white"),
        (("red", "red"), "lights: 'red' is named twice; name it once"),
    ],
)
def test_lights_that_cannot_be_meant(tmp_path: Path, lights: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SimulatedLamp.Keys(tmp_path / "lamp", lights)
