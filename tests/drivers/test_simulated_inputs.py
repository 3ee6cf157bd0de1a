"""The twins of cords and buttons: words in a real FIFO become feels, in turn, whatever comes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers import load
from drivers.reopening import REOPEN_MAX_NS
from drivers.simulated_inputs import WORD_BYTES_MAX, WORDS_MAX
from edge_agent.domain.contact import Fault, Feel
from edge_agent.ports import Condition, Purpose
from edge_agent.reactor import Reactor
from tests.kit.scanners import HandClock, let_pass, turn_until

MS = 1_000_000
S = 1_000 * MS


class Stand:
    """A twin, its FIFO, and everything that it has told."""

    def __init__(self, folder: Path, kind: str = "simulated-cord", **keys: Any) -> None:  # noqa: ANN401
        self.clock = HandClock()
        self.began_ns = self.clock.now_ns
        self.reactor = Reactor(self.clock)
        self.fifo = folder / "cord"
        self.felt: list[tuple[Feel, float]] = []
        self.told: list[tuple[Condition, str]] = []
        driver: Any = load(kind)
        made = {"category": "quality"} if kind == "simulated-cord" else {}
        keys = driver.Keys(fifo=self.fifo, **(made | keys))
        self.contact = driver("cord-1", "A2", keys, self.reactor, self._felt, self._tell)

    def _felt(self, contact: object, feel: Feel, at_mono_ns: int, at_wall_ns: int) -> None:
        assert contact is self.contact
        assert at_wall_ns - at_mono_ns == self.clock.wall_lead_ns
        self.felt.append((feel, (at_mono_ns - self.began_ns) / S))

    def _tell(self, contact: object, condition: Condition, why: str, remedy: str) -> None:
        assert contact is self.contact
        assert condition is not Condition.TROUBLE or (why and remedy)
        self.told.append((condition, why))

    def write(self, words: bytes) -> None:
        fd = os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, words)
        os.close(fd)
        self.reactor.turn(wait=False)

    def pass_s(self, seconds: float) -> None:
        let_pass(self.reactor, self.clock, round(seconds * S))
        self.reactor.turn(wait=False)

    def feels(self) -> list[Feel]:
        return [feel for feel, _ in self.felt if feel is not Feel.HEALED]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Callable[..., Stand]]:
    made: list[Stand] = []

    def make(**keys: Any) -> Stand:  # noqa: ANN401
        made.append(one := Stand(tmp_path, **keys))
        one.contact.start()
        return one

    yield make
    for one in made:
        one.contact.stop(lambda: None)
        assert one.reactor.next_due_ns() > one.clock.now_ns + 10**15, "no timer is left"
        one.reactor.close()


def test_open_is_pulled_and_close_lets_go(stand: Callable[..., Stand]) -> None:
    one = stand()
    assert (one.contact.on, one.contact.fault, one.contact.purpose) == (False, "", Purpose.CALL)
    one.write(b"open\n")
    one.pass_s(0.049)
    assert one.feels() == []
    assert one.contact.unsettled_ns == one.began_ns
    one.pass_s(0.001)
    assert one.felt[-1] == (Feel.ON, 0.0)
    assert one.contact.settled_ns == one.began_ns + 50 * MS
    one.write(b"close\n")
    one.pass_s(1)
    assert one.felt[-1] == (Feel.OFF, 0.05)
    assert one.contact.on is False


def test_pulls_are_run_in_turn(stand: Callable[..., Stand]) -> None:
    one = stand()
    one.write(b"pull\n")
    one.pass_s(0.18)
    one.write(b"pull\n")
    one.pass_s(1)
    assert one.felt[-4:] == [(Feel.ON, 0.0), (Feel.OFF, 0.1), (Feel.ON, 0.18), (Feel.OFF, 0.28)]
    one.write(b"hold 3\nclose\n")
    one.pass_s(2.9)
    assert one.contact.on
    one.pass_s(0.3)
    assert not one.contact.on


def test_a_pull_that_waits_for_another_comes_when_that_one_has_let_go(
    stand: Callable[..., Stand],
) -> None:
    one = stand()
    one.write(b"pull\npull\nhold 1\nopen\n")
    one.pass_s(5)
    assert one.felt[1:] == [
        (Feel.ON, 0.0),
        (Feel.OFF, 0.1),
        (Feel.ON, 0.2),
        (Feel.OFF, 0.3),
        (Feel.ON, 0.4),
        (Feel.OFF, 1.4),
        (Feel.ON, 1.5),
    ]


def test_a_slow_filter_lets_go_for_as_long_as_it_needs(stand: Callable[..., Stand]) -> None:
    one = stand(filter_ms=400)
    one.write(b"hold 1\nhold 1\n")
    one.pass_s(5)
    assert one.feels() == [Feel.ON, Feel.OFF] * 2


def test_bytes_may_come_one_at_a_time_and_nonsense_is_counted(stand: Callable[..., Stand]) -> None:
    one = stand()
    for byte in b"pu ll\n\xff\xfe\n\nhold x\nhold 1e9\n  open \n":
        one.write(bytes([byte]))
    one.pass_s(0.1)
    assert one.feels() == [Feel.ON]
    assert one.contact.counters()["nonsense"] == 4


def test_a_word_without_an_end_takes_no_memory_and_what_follows_is_heard(
    stand: Callable[..., Stand],
) -> None:
    one = stand()
    for _ in range(64):
        one.write(b"x" * 4096)
    assert len(one.contact._rest) <= WORD_BYTES_MAX + 1
    one.write(b"\nopen\n")
    one.pass_s(0.1)
    assert one.feels() == [Feel.ON]
    assert one.contact.counters()["nonsense"] == 1


def test_words_beyond_the_bound_are_dropped_and_counted(stand: Callable[..., Stand]) -> None:
    one = stand()
    for _ in range(4):
        one.write(b"pull\n" * 800)
    counters = one.contact.counters()
    assert counters["waiting"] <= WORDS_MAX
    assert counters["dropped_words"] == 3200 - WORDS_MAX - 1
    one.pass_s(0.2)
    assert one.feels()[:1] == [Feel.ON]


def test_a_button_has_its_purpose_and_can_be_held(stand: Callable[..., Stand]) -> None:
    one = stand(kind="simulated-button", purpose="call", category="help", hold_s=2.0)
    assert one.contact.hold_ns == 2 * S
    one.write(b"hold 2.5\n")
    one.pass_s(3)
    assert one.feels() == [Feel.ON, Feel.HELD, Feel.OFF]


def test_what_is_no_fifo_is_a_lost_contact_until_it_is_moved_away(tmp_path: Path) -> None:
    one = Stand(tmp_path)
    one.fifo.write_text("a note")
    one.contact.start()
    assert (one.contact.on, one.contact.fault) == (None, Fault.LOST)
    assert one.felt == [(Feel.FAULT, 0.0)]
    assert one.told[-1] == (Condition.TROUBLE, f"{one.fifo} is there and is no FIFO")
    one.fifo.unlink()
    one.pass_s(REOPEN_MAX_NS / S + 1)
    assert one.contact.on is False
    assert one.felt[-1][0] is Feel.HEALED
    assert one.told[-1][0] is Condition.OK
    turn_until(one.reactor, lambda: True)
    one.contact.stop(lambda: None)
    one.reactor.close()


@pytest.mark.parametrize(
    ("kind", "keys", "key"),
    [
        ("simulated-cord", {"filter_ms": 0}, "filter_ms"),
        ("simulated-cord", {"stuck_s": -1.0}, "stuck_s"),
        ("simulated-cord", {"min_actuation_ms": 2_000}, "min_actuation_ms"),
        ("simulated-cord", {"actuator": "rope"}, "actuator"),
        ("simulated-button", {"purpose": "strat"}, "purpose"),
        ("simulated-button", {"purpose": "call"}, "category"),
        ("simulated-button", {"purpose": "ack", "category": "quality"}, "category"),
    ],
)
def test_keys_that_cannot_be_meant_are_refused_by_name(
    kind: str, keys: dict[str, Any], key: str
) -> None:
    made = {"fifo": Path("f")} | ({"category": "quality"} if kind == "simulated-cord" else {})
    driver: Any = load(kind)
    with pytest.raises(ValueError, match=f"^{key}: .*;"):
        driver.Keys(**(made | keys))
