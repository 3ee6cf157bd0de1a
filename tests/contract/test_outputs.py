"""What every lamp, horn and output keeps: one suite over mock pins and over the twins.

Mock pins show the levels that are written, and when. They do not show, and nothing here proves:
that a line is in fact another program's (the kernel owns lines, a mock has no kernel), the level
of a line between its claim and its first write, what becomes of it when the process dies, that a
write reaches a lamp, or how long it takes.
"""

import gc
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers import load, part_of, stationless
from drivers.gpio_pins import use_pins
from drivers.outlet import RETRY_MAX_NS
from edge_agent.ports import Condition, Device, Part, Pattern
from tests.kit.outputs import HORN, LINES, OUTPUT, PARTS, Rig, is_on, switch

MS = 1_000_000
ROUNDS = 2_000


@pytest.fixture(params=["gpio", "simulated"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(request.param, tmp_path)
    heard = signal.getsignal(signal.SIGXFSZ)
    yield made
    made.mend()
    signal.signal(signal.SIGXFSZ, heard)
    made.reactor.close()
    use_pins(None)


@pytest.fixture(params=PARTS)
def part(request: pytest.FixtureRequest) -> str:
    made: str = request.param
    return made


# -- all of them -----------------------------------------------------------------------------------


def test_a_kind_says_what_it_is_to_the_line(rig: Rig) -> None:
    parts = {part: part_of(load(f"{rig.make}-{part}")) for part in PARTS}
    assert parts == {"lamp": Part.LAMP, "horn": Part.HORN, "output": Part.OUTPUT}
    assert [part for part in PARTS if stationless(load(f"{rig.make}-{part}"))] == ["output"]


def test_what_is_asked_is_in_force_when_the_call_returns(rig: Rig, part: str) -> None:
    device = PARTS[part](rig)
    device.start()
    assert device.condition is Condition.OK
    assert not is_on(rig, part)
    for on in (True, False, True):
        switch(part, device, rig.clock, on=on)
        assert is_on(rig, part) is on


def test_what_is_asked_again_is_no_change(rig: Rig, part: str) -> None:
    device = PARTS[part](rig)
    device.start()
    switch(part, device, rig.clock, on=True)
    changes = rig.changes()
    for _ in range(10):
        switch(part, device, rig.clock, on=True)
        rig.clock.now_ns += MS
    assert rig.changes() == changes
    assert is_on(rig, part)


def test_what_is_asked_before_the_start_is_what_a_device_begins_with(rig: Rig, part: str) -> None:
    device = PARTS[part](rig)
    switch(part, device, rig.clock, on=True)
    assert device.condition is Condition.STARTING
    device.start()
    assert is_on(rig, part)


def test_trouble_at_the_start_is_told_once_and_ends_with_what_was_asked_last(
    rig: Rig, part: str
) -> None:
    rig.spoil(part)
    device = PARTS[part](rig)
    device.start()
    for on in (True, False, True):
        switch(part, device, rig.clock, on=on)
        rig.wait(3 * RETRY_MAX_NS)
    assert device.condition is Condition.TROUBLE
    assert rig.told == [(device.name, Condition.TROUBLE)]
    rig.mend()
    rig.wait(RETRY_MAX_NS)
    assert is_on(rig, part)
    assert rig.told[1:] == [(device.name, Condition.OK)]
    assert device.counters()["troubles"] == 1


def test_trouble_in_the_middle_is_told_and_ends_the_same_way(rig: Rig, part: str) -> None:
    device = PARTS[part](rig)
    device.start()
    rig.spoil(part)
    switch(part, device, rig.clock, on=True)
    assert device.condition is Condition.TROUBLE
    switch(part, device, rig.clock, on=False)
    switch(part, device, rig.clock, on=True)
    rig.mend()
    rig.wait(RETRY_MAX_NS)
    assert device.condition is Condition.OK
    assert is_on(rig, part)
    switch(part, device, rig.clock, on=False)
    assert not is_on(rig, part)


def test_trouble_leaves_the_reactor_in_peace(rig: Rig, part: str) -> None:
    rig.spoil(part)
    device = PARTS[part](rig)
    device.start()
    rig.wait(60_000 * MS)
    assert rig.reactor.turns <= 10 + 60_000 * MS // RETRY_MAX_NS


def test_who_is_told_of_trouble_may_ask_for_something_at_once(rig: Rig) -> None:
    device = rig.lamp()
    answered: list[Condition] = []

    def answer(_: Device, condition: Condition, why: str, remedy: str) -> None:
        del why, remedy
        answered.append(condition)
        device.show({"yellow": Pattern.FLASH_SLOW}, rig.clock.now_ns)
        device.signal("red", Pattern.PULSE)

    device._tell = answer
    device.start()
    assert answered == [Condition.OK]
    assert rig.lit() == {"yellow", "red"}
    rig.wait(150 * MS)
    assert rig.lit() == {"yellow"}


def test_who_leaves_is_safe_says_so_each_time_and_does_nothing_more(rig: Rig, part: str) -> None:
    device = PARTS[part](rig)
    device.start()
    switch(part, device, rig.clock, on=True)
    gone: list[int] = []
    device.stop(lambda: gone.append(1))
    device.stop(lambda: gone.append(2))
    assert gone == [1, 2]
    # a twin has no line that a loss could change: the request of an output stays
    assert is_on(rig, part) is (part == "output" and not rig.real)
    changes = rig.changes()
    switch(part, device, rig.clock, on=False)
    switch(part, device, rig.clock, on=True)
    device.start()
    rig.wait(RETRY_MAX_NS)
    assert rig.changes() == changes
    assert not (rig.real and any(rig.board.driven(line) for line in (*LINES.values(), OUTPUT)))


def test_who_never_started_leaves_without_a_trace(rig: Rig, part: str) -> None:
    device = PARTS[part](rig)
    switch(part, device, rig.clock, on=True)
    gone: list[int] = []
    device.stop(lambda: gone.append(1))
    assert gone == [1]
    assert rig.changes() == 0


def test_the_end_of_the_process_is_safe_too(rig: Rig, part: str) -> None:
    device = PARTS[part](rig)
    device.start()
    switch(part, device, rig.clock, on=True)
    if rig.real:  # the process is dead: nobody holds the lines, and they keep their levels
        rig.board._reservations.clear()
    driver: Any = type(device)
    given = {
        "lamp": LINES,
        "horn": {"pin": HORN},
        "output": {"pin": OUTPUT, "on_agent_loss": "run"},
    }
    made = driver.Keys(**given[part]) if rig.real else driver.Keys(rig.folder / part)
    assert driver.make_safe(made) == []
    assert is_on(rig, part) is (part == "output" and not rig.real)


def test_no_device_makes_a_thread(rig: Rig) -> None:
    before = threading.active_count()
    lamp, horn, output = rig.lamp(), rig.horn(), rig.output()
    for device in (lamp, horn, output):
        device.start()
    lamp.show({"red": Pattern.FLASH_FAST}, rig.clock.now_ns)
    horn.sound("A", loud=True)
    output.request(on=True)
    rig.wait(20_000 * MS)
    assert threading.active_count() == before


def test_nothing_of_what_is_asked_stays(rig: Rig, part: str) -> None:
    device = PARTS[part](rig)
    device.start()

    def asked(rounds: int) -> None:
        for _ in range(rounds):
            switch(part, device, rig.clock, on=True)
            switch(part, device, rig.clock, on=False)
            rig.clock.now_ns += MS
            for pin in rig.board.pins.values():
                pin.clear_states()

    asked(10)
    gc.collect()
    before = sys.getallocatedblocks()
    asked(ROUNDS)
    gc.collect()
    stays = sys.getallocatedblocks() - before
    assert stays < ROUNDS // 100


# -- lamps -----------------------------------------------------------------------------------------


def test_a_light_that_is_not_named_is_dark_and_one_that_is_not_there_is_ignored(rig: Rig) -> None:
    lamp = rig.lamp()
    lamp.start()
    assert lamp.lights == tuple(LINES)
    assert not lamp.feedback
    lamp.show({"red": Pattern.STEADY, "green": Pattern.STEADY}, 0)
    assert rig.lit() == {"red", "green"}
    lamp.show({"blue": Pattern.STEADY, "white": Pattern.STEADY}, 0)
    assert rig.lit() == {"blue"}
    lamp.show({}, 0)
    assert rig.lit() == set()


def test_a_look_that_is_changed_later_by_who_gave_it_is_shown_as_it_was(rig: Rig) -> None:
    lamp = rig.lamp()
    look = {"red": Pattern.STEADY}
    lamp.show(look, 0)
    look["red"] = Pattern.OFF
    lamp.start()
    assert rig.lit() == {"red"}


def test_a_flashing_light_is_lit_from_the_moment_it_is_asked_for(rig: Rig) -> None:
    lamp = rig.lamp()
    lamp.start()
    rig.wait(123_456_789)
    lamp.show({"yellow": Pattern.FLASH_FAST}, rig.clock.now_ns)
    assert rig.lit() == {"yellow"}


@pytest.mark.parametrize(("pattern", "over_ms"), [(Pattern.PULSE, 150), (Pattern.BLINK_3, 1500)])
def test_a_signal_is_played_once_over_what_is_shown(
    rig: Rig, pattern: Pattern, over_ms: int
) -> None:
    lamp = rig.lamp()
    lamp.start()
    lamp.show({"red": Pattern.STEADY, "green": Pattern.STEADY}, rig.clock.now_ns)
    lamp.signal("yellow", pattern)
    assert rig.lit() == {"red", "yellow", "green"}
    rig.wait(over_ms * MS)
    assert rig.lit() == {"red", "green"}
    lamp.signal("green", pattern)
    lamp.show({"red": Pattern.STEADY}, rig.clock.now_ns)
    assert "green" in rig.lit(), "and over what is shown meanwhile"
    rig.wait(over_ms * MS)
    assert rig.lit() == {"red"}
    lamp.signal("white", pattern)
    assert rig.lit() == {"red"}, "it has none"


# -- horns and outputs -----------------------------------------------------------------------------


def test_a_tune_ends_only_when_another_is_asked_for(rig: Rig) -> None:
    horn = rig.horn()
    horn.start()
    horn.sound("A", loud=False)
    rig.wait(30_000 * MS)
    changes = rig.changes()
    assert rig.sounding()
    assert rig.changes() == changes
    horn.sound("", loud=True)
    assert not rig.sounding()


def test_the_request_is_what_was_asked_whatever_became_of_it(rig: Rig) -> None:
    output = rig.output()
    assert not output.on
    assert not output.heartbeat
    assert output.station is None
    rig.spoil("output")
    output.start()
    output.request(on=True)
    assert output.on
