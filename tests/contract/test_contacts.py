"""What every contact keeps, on GPIO or as a twin: one suite over mock pins and over a FIFO.

Not shown here, for mock pins have none of it: the kernel's debouncing and its time stamps, who
owns a line, what a line does when its process dies, and the speed of an edge. A real kernel shows
all but debouncing and speed in `tests/vmlab/line.py`.
"""

import gc
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from drivers import load
from drivers.gpio_inputs import LOOK_NS
from drivers.gpio_pins import use_pins
from drivers.reopening import REOPEN_MAX_NS
from edge_agent.domain.contact import Fault, Feel
from edge_agent.ports import Condition
from edge_agent.reactor import Reactor
from tests.kit.boards import Board
from tests.kit.scanners import HandClock, let_pass

S = 1_000_000_000
KINDS = ["gpio", "simulated"]


@dataclass
class Rig:
    """A contact, the hand that moves it, and all that it has told."""

    kind: str
    folder: Path
    clock: HandClock = field(default_factory=HandClock)
    board: Board = field(default_factory=Board)
    felt: list[tuple[Feel, float]] = field(default_factory=list)
    told: list[Condition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reactor = Reactor(self.clock)
        self.began_ns = self.clock.now_ns
        self.contact: Any = None
        self.rest_high = False

    def fit(self, part: str = "cord", **keys: Any) -> Any:  # noqa: ANN401
        driver: Any = load(f"{self.kind}-{part}")
        if self.kind == "gpio":
            use_pins(self.board)
            where: dict[str, Any] = {"pin": "GPIO17"}  # a cord is normally closed, to ground
            self.rest_high = part != "cord"
            self.board.drive("GPIO17", high=self.rest_high)
        else:
            where = {"fifo": self.folder / "contact"}
        made = {"category": "quality"} if part == "cord" else {"purpose": "ack"}
        keys = driver.Keys(**(made | where | keys))
        self.contact = driver("c-1", "A2", keys, self.reactor, self._felt, self._tell)
        return self.contact

    def _felt(self, _contact: object, feel: Feel, at_mono_ns: int, at_wall_ns: int) -> None:
        assert at_wall_ns - at_mono_ns == self.clock.wall_lead_ns
        self.felt.append((feel, (at_mono_ns - self.began_ns) / S))

    def _tell(self, _contact: object, condition: Condition, why: str, remedy: str) -> None:
        assert condition is not Condition.TROUBLE or (why and remedy)
        self.told.append(condition)

    def _pin(self) -> Any:  # noqa: ANN401
        return self.board.pin("GPIO17")

    def move(self, pulled: bool) -> None:
        if self.kind == "gpio":
            self.board.drive("GPIO17", high=pulled is not self.rest_high)
        else:
            fd = os.open(self.folder / "contact", os.O_WRONLY | os.O_NONBLOCK)
            os.write(fd, b"open\n" if pulled else b"close\n")
            os.close(fd)
        self.reactor.turn(wait=False)

    def pass_s(self, seconds: float) -> None:
        let_pass(self.reactor, self.clock, round(seconds * S))
        self.reactor.turn(wait=False)

    def feels(self) -> list[Feel]:
        return [feel for feel, _ in self.felt if feel in (Feel.ON, Feel.OFF, Feel.HELD)]


@pytest.fixture(params=KINDS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(request.param, tmp_path)
    yield made
    if made.contact is not None:
        made.contact.stop(lambda: None)
    use_pins(None)
    made.reactor.close()


def test_a_pull_is_felt_once_with_the_moment_at_which_it_moved(rig: Rig) -> None:
    rig.fit().start()
    gc.collect()  # a callback that nobody holds would be gone now
    rig.move(True)
    rig.pass_s(0.2)
    rig.move(False)
    rig.pass_s(1)
    assert rig.felt[-2:] == [(Feel.ON, 0.0), (Feel.OFF, 0.2)]
    assert rig.contact.on is False


@pytest.mark.parametrize(
    ("purpose", "felt"), [("clear", 0), ("start", 0), ("fixed-position", 1), ("count", 1)]
)
def test_a_press_of_40_ms_is_no_hand_and_may_be_a_pulse(rig: Rig, purpose: str, felt: int) -> None:
    contact = rig.fit("button", purpose=purpose)
    contact.start()
    for lasts_s, feels in ((0.04, felt), (0.06, felt + 1)):
        rig.move(True)
        rig.pass_s(lasts_s)
        rig.move(False)
        rig.pass_s(1)
        assert rig.feels() == [Feel.ON, Feel.OFF] * feels
    assert contact.counters()["glitches"] == 1 - felt
    assert contact.unsettled_ns is None


def test_what_is_found_at_the_start_is_known_and_no_feel(rig: Rig) -> None:
    contact = rig.fit()
    assert contact.on is None
    contact.start()
    rig.pass_s(1)
    assert (contact.on, contact.fault, contact.condition) == (False, Fault.NONE, Condition.OK)
    assert rig.feels() == []


def test_bouncing_is_one_pull_and_a_spike_is_none(rig: Rig) -> None:
    rig.fit().start()
    for number in range(15):
        rig.move(number % 2 == 0)
        rig.pass_s(0.0008)
    rig.pass_s(0.2)
    assert rig.feels() == [Feel.ON]
    rig.move(False)
    rig.pass_s(1)
    rig.move(True)
    rig.pass_s(0.004)
    rig.move(False)
    rig.pass_s(1)
    assert rig.feels() == [Feel.ON, Feel.OFF]
    counters = rig.contact.counters()
    assert counters["glitches"] >= 1
    assert counters["bounces"] >= 10


def test_what_stays_open_is_broken_and_heals(rig: Rig) -> None:
    rig.fit(stuck_s=3.0, heal_s=2.0).start()
    rig.move(True)
    rig.pass_s(4)
    assert rig.contact.fault is Fault.WIRE_BREAK
    rig.move(False)
    rig.pass_s(3)
    assert rig.contact.fault is Fault.NONE
    assert [feel for feel, _ in rig.felt][-4:] == [Feel.ON, Feel.FAULT, Feel.OFF, Feel.HEALED]


@pytest.mark.parametrize(
    ("part", "keys", "fault"),
    [
        ("cord", {}, True),
        ("cord", {"stuck_s": 0.0}, False),
        ("cord", {"actuator": "latching"}, False),
        ("button", {"purpose": "call", "category": "material"}, True),
        ("button", {"purpose": "call", "category": "material", "stuck_s": 0.0}, False),
        ("button", {}, False),
    ],
)
def test_what_calls_and_stays_pulled_for_ten_seconds_is_broken(
    rig: Rig, part: str, keys: dict[str, Any], fault: bool
) -> None:
    rig.fit(part, **keys).start()
    rig.move(True)
    rig.pass_s(9.5)
    assert rig.contact.fault is Fault.NONE
    rig.pass_s(1)
    assert bool(rig.contact.fault) is fault


def test_a_button_is_held(rig: Rig) -> None:
    rig.fit("button", hold_s=2.0).start()
    rig.move(True)
    rig.pass_s(2.5)
    assert rig.feels() == [Feel.ON, Feel.HELD]


def test_it_says_since_when_it_moves(rig: Rig) -> None:
    rig.fit().start()
    rig.move(True)
    rig.pass_s(0.01)
    assert rig.contact.unsettled_ns == rig.began_ns
    rig.pass_s(0.1)
    assert rig.contact.unsettled_ns is None
    assert rig.contact.settled_ns == rig.began_ns + 50_000_000


def test_after_a_stop_nothing_is_felt_and_no_timer_is_left(rig: Rig) -> None:
    contact = rig.fit()
    contact.start()
    gone: list[int] = []
    contact.stop(lambda: gone.append(1))
    assert gone == [1]
    rig.pass_s(5)
    before = len(rig.felt)
    if rig.kind == "gpio":
        rig.move(True)
    rig.pass_s(5)
    assert len(rig.felt) == before


# -- what only lines have ----------------------------------------------------------------------


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[Rig]:
    made = Rig("gpio", tmp_path)
    yield made
    if made.contact is not None:
        made.contact.stop(lambda: None)
    use_pins(None)
    made.reactor.close()


def test_an_edge_that_was_lost_is_made_up_for(wired: Rig) -> None:
    wired.fit().start()
    wired._pin().when_changed = None
    wired.board.drive("GPIO17", high=True)
    wired.pass_s(LOOK_NS / S + 0.1)
    assert wired.feels() == [Feel.ON]
    wired.board.drive("GPIO17", high=False)
    wired.pass_s(LOOK_NS / S + 0.2)
    assert wired.feels() == [Feel.ON, Feel.OFF]
    assert wired.contact.counters()["edges_missed"] == 2


def test_edges_of_another_thread_are_only_posted(wired: Rig) -> None:
    wired.fit().start()
    thread = threading.Thread(target=lambda: wired.board.drive("GPIO17", high=True))
    thread.start()
    thread.join()
    assert wired.contact.unsettled_ns is None, "nothing happens but in the reactor's thread"
    wired.pass_s(0.1)
    assert wired.feels() == [Feel.ON]


def test_when_the_inbox_is_full_the_levels_are_read_again(wired: Rig) -> None:
    wired.fit().start()
    accept: Callable[..., bool] = wired.reactor.post
    wired.reactor.post = lambda *_: False  # type: ignore[method-assign]
    wired.board.drive("GPIO17", high=True)
    wired.reactor.post = accept  # type: ignore[method-assign]
    assert wired.contact.counters()["edges_refused"] == 1
    wired.pass_s(LOOK_NS / S + 0.1)
    assert wired.feels() == [Feel.ON]


def test_a_time_stamp_of_another_clock_is_not_believed(wired: Rig) -> None:
    wired.fit().start()
    for ticks in (0.0, 1.7e9, (wired.clock.now_ns + S) / 1e9):
        wired.contact._lines[0]._changed(ticks, True)
        wired.reactor.turn(wait=False)
        assert wired.contact.unsettled_ns == wired.clock.now_ns
    wired.pass_s(1)


def test_the_time_stamp_of_the_kernel_is_when_it_moved(wired: Rig) -> None:
    wired.fit().start()
    wired.pass_s(1.1)  # the last look is longer ago than the edge
    wired.contact._lines[0]._changed((wired.clock.now_ns - 30_000_000) / 1e9, True)
    wired.reactor.turn(wait=False)
    wired.pass_s(0.019)
    assert wired.feels() == []
    wired.pass_s(0.001)
    feel, at_s = wired.felt[-1]
    assert (feel, round(at_s, 6)) == (Feel.ON, 1.07)


@pytest.mark.parametrize("released", [False, True])
def test_edges_that_were_held_up_with_the_whole_process_keep_their_moments(
    wired: Rig, released: bool
) -> None:
    wired.fit().start()
    wired.pass_s(1.1)
    wired._pin().when_changed = None
    pulled_ns = wired.clock.now_ns + 100_000_000
    wired.board.drive("GPIO17", high=not released)
    wired.clock.now_ns += 5 * S  # everything stood still
    wired.reactor.turn(wait=False)  # the loop is there before the library's thread
    wired.contact._lines[0]._changed(pulled_ns / 1e9, True)
    if released:
        wired.contact._lines[0]._changed(pulled_ns / 1e9 + 0.4, False)
    wired.pass_s(1)
    felt = [(Feel.ON, 1.2), (Feel.OFF, 1.6)]
    told = [(feel, round(at_s, 6)) for feel, at_s in wired.felt]
    assert told[1:] == felt[: 1 + released], "the first was found well"
    assert wired.contact.counters()["edges_missed"] == 0


def test_a_loop_that_is_always_late_still_reads_the_levels(wired: Rig) -> None:
    wired.fit().start()
    wired._pin().when_changed = None
    wired.board.drive("GPIO17", high=True)
    for _ in range(3):
        wired.clock.now_ns += S
        wired.reactor.turn(wait=False)
    assert wired.feels() == [Feel.ON]


def test_a_line_that_is_lost_while_it_is_watched_is_a_fault_until_it_is_back(wired: Rig) -> None:
    contact = wired.fit()
    contact.start()
    wired.move(True)
    wired.pass_s(0.004)
    wired.move(False)
    wired.pass_s(1)
    wired.board.gone = True
    wired.pass_s(LOOK_NS / S)
    assert (contact.on, contact.fault, contact.unsettled_ns) == (None, Fault.LOST, None)
    assert contact.why == "GPIO17 does not answer: [Errno 5] chip gone"
    wired.pass_s(60)
    wired.board.gone = False
    wired.pass_s(REOPEN_MAX_NS / S)
    assert (contact.on, contact.fault, contact.condition) == (False, Fault.NONE, Condition.OK)
    assert [feel for feel, _ in wired.felt] == [Feel.HEALED, Feel.FAULT, Feel.HEALED]
    assert wired.told == [Condition.OK, Condition.TROUBLE, Condition.OK]
    counters = contact.counters()
    assert (counters["glitches"], counters["reopens"]) == (1, 1), "what was counted stays counted"


def test_a_pair_of_which_one_line_is_busy_holds_none(wired: Rig) -> None:
    wired.board.busy.add("GPIO27")
    wired.fit(contact="pair", pin_no="GPIO27").start()
    assert wired.contact.why == "GPIO27 is held by another program"
    driver: Any = load("gpio-button")
    keys = driver.Keys(purpose="ack", pin="GPIO17")
    other = driver("b-1", "A2", keys, wired.reactor, wired._felt, wired._tell)
    other.start()
    assert other.condition is Condition.OK
    other.stop(lambda: None)


def test_a_pair_tells_a_broken_wire_at_once(wired: Rig) -> None:
    wired.board.drive("GPIO27", high=True)  # at rest the second contact is open
    wired.fit(contact="pair", pin_no="GPIO27").start()
    assert wired.contact.on is False
    wired.move(True)
    wired.pass_s(0.2)
    assert wired.contact.fault is Fault.WIRE_BREAK
    assert wired.feels() == []
    wired.board.drive("GPIO27", high=False)
    wired.pass_s(1)
    assert wired.feels() == [Feel.ON]


@pytest.mark.parametrize("how", ["busy", "gone"])
def test_a_line_that_cannot_be_had_is_a_state_and_tried_again(wired: Rig, how: str) -> None:
    contact = wired.fit()
    if how == "busy":
        wired.board.busy.add("GPIO17")
    else:
        wired.board.gone = True
    contact.start()
    assert (contact.on, contact.fault) == (None, Fault.LOST)
    assert contact.condition is Condition.TROUBLE
    wired.pass_s(10)
    assert wired.told == [Condition.TROUBLE], "one word of it, however often it is tried"
    wired.board.busy.clear()
    wired.board.gone = False
    wired.pass_s(REOPEN_MAX_NS / S + 0.1)
    assert (contact.on, contact.fault, contact.condition) == (False, Fault.NONE, Condition.OK)
    assert [feel for feel, _ in wired.felt] == [Feel.FAULT, Feel.HEALED]


def test_a_contact_to_three_volts_is_read_the_other_way_round(wired: Rig) -> None:
    wired.board.drive("GPIO17", high=True)
    use_pins(wired.board)
    driver: Any = load("gpio-cord")
    keys = driver.Keys(category="quality", pin="GPIO17", pull="down")
    wired.contact = driver("c-1", "A2", keys, wired.reactor, wired._felt, wired._tell)
    wired.contact.start()
    assert wired.contact.on is False
    wired.board.drive("GPIO17", high=False)
    wired.pass_s(0.2)
    assert wired.feels() == [Feel.ON]
