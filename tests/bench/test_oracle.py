"""The bench sees a loss, a repeat, a disorder and an invention; cuts of the stream are none."""

import random
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bench.contenders import BARE, PRODUCT, SCRIPT
from tests.bench.disk import LIMITS_BYTES
from tests.bench.faults import Life, losses
from tests.bench.gauges import Cpu, fdatasync_us
from tests.bench.report import Figure, at_most, cell, times, verdicts
from tests.bench.stand import all_in, drive, find_mosquitto, standing
from tests.bench.subscriber import SCAN_BYTES, TOPIC, Balance, Subscriber

TEXT = '"text":"%s"'


def publish(number: int, event_id: str, *, head: int = 0x30, text: str = "") -> bytes:
    scan = text or (SCAN_BYTES % number).decode()
    payload = f'{{"id": "{event_id}","data":{{{TEXT % scan}}}}}'.encode()
    body = len(TOPIC).to_bytes(2, "big") + TOPIC.encode() + payload
    length = (
        bytes((len(body) & 127 | 128, len(body) >> 7)) if len(body) > 127 else bytes((len(body),))
    )
    return bytes((head,)) + length + body


def after(*packets: bytes) -> Balance:
    subscriber = Subscriber(0, qos=0)
    subscriber.take(b"".join(packets), 1)
    return subscriber.balance()


def test_everything_once_and_in_order_is_no_news() -> None:
    found = after(*(publish(n, f"e-{n}") for n in range(300)))
    assert (len(found.arrived_ns), found.repeats, found.twice) == (300, 0, 0)
    assert (found.disorder, found.invented) == (0, 0)


def test_no_cut_of_the_stream_changes_what_arrived() -> None:
    stream = b"".join(publish(n, f"e-{n}") for n in range(200))
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance, subscriber = random.Random(seed), Subscriber(0, qos=0)
    while stream:
        length = chance.randint(1, 90)
        subscriber.take(stream[:length], 1)
        stream = stream[length:]
    assert [*subscriber.balance().arrived_ns] == [*range(200)]


@pytest.mark.parametrize(
    ("packets", "seen"),
    [
        ((publish(0, "a"), publish(0, "a")), "repeats"),
        ((publish(0, "a"), publish(0, "b")), "twice"),
        ((publish(1, "a"), publish(0, "b")), "disorder"),
        ((publish(0, "a", text="LOT-0000000001"),), "invented"),
        ((publish(0, "a", text="BENCH-LOT-0000000001BENCH"),), "invented"),
    ],
)
def test_each_fault_is_seen_as_what_it_is(packets: tuple[bytes, ...], seen: str) -> None:
    found = after(*packets)
    counts = {n: getattr(found, n) for n in ("repeats", "twice", "disorder", "invented")}
    assert counts == {n: int(n == seen) for n in counts}


def test_what_the_broker_says_again_to_us_is_nobodys_repeat() -> None:
    assert after(publish(0, "a"), publish(0, "a", head=0x38)).repeats == 0


@dataclass
class Kept:
    """Of a stand only what the reckoning of losses looks at."""

    arrived: set[int]
    sent_ns: list[int] = field(default_factory=lambda: [10**12 * n for n in range(100)])

    def balance(self) -> Balance:
        return Balance(arrived_ns=dict.fromkeys(self.arrived, 0))


ANSWERED_TEN_OF_TWELVE = Life(first=0, opened_ns=0, upto=12, answered=10)


def test_an_answered_scan_that_never_came_is_lost() -> None:
    found = losses([ANSWERED_TEN_OF_TWELVE], Kept(set(range(12)) - {9}))
    assert (found.lost, found.unanswered, found.thrown) == (1, 0, 0)


def test_a_scan_without_an_answer_may_go() -> None:
    found = losses([ANSWERED_TEN_OF_TWELVE], Kept(set(range(10))))
    assert (found.lost, found.unanswered, found.thrown) == (0, 2, 0)


def test_what_opening_throws_away_shifts_the_answers() -> None:
    waited = Life(first=0, opened_ns=10**12 * 3 - 1, upto=12, answered=8)
    found = losses([waited], Kept(set(range(3, 12)) - {10}))
    assert (found.lost, found.unanswered, found.thrown) == (1, 0, 3)


def test_who_gives_no_answers_owes_all_that_it_read() -> None:
    silent = Life(first=0, opened_ns=10**12 * 3 - 1, upto=12, answered=None)
    found = losses([silent], Kept(set(range(3, 12)) - {10}))
    assert (found.due, found.lost, found.unanswered, found.thrown) == (9, 1, 0, 3)


def test_more_answers_than_scans_that_were_left_is_a_loss() -> None:
    waited = Life(first=0, opened_ns=10**12 * 3 - 1, upto=12, answered=12)
    assert losses([waited], Kept(set(range(3, 12)))).lost == 3


def test_a_goal_is_reached_or_not_and_unknown_without_the_product() -> None:
    goals = (at_most(80), times(SCRIPT.key, 1, at_most=True, text="below (b)"))
    figure = Figure("CPU", "us", goals)
    figure.add(SCRIPT.key, 50, 70)
    assert verdicts(figure) == ["at most 80: ?", "below (b): ?"]
    figure.add(PRODUCT.key, 60, 70, 80)
    assert verdicts(figure) == ["at most 80: ok", "below (b): not yet"]
    assert cell(figure.samples[PRODUCT.key]) == "70 (60..80, n=3)"


def test_groups_have_limits_that_fall() -> None:
    assert sorted(LIMITS_BYTES.values(), reverse=True) == [*LIMITS_BYTES.values()]


@pytest.mark.broker
@pytest.mark.skipif(find_mosquitto() is None, reason="the bench needs mosquitto")
def test_the_bare_limit_delivers_answers_and_costs_something(tmp_path: Path) -> None:
    with standing(BARE, tmp_path, qos=1) as stand:
        first, cpu = stand.made, Cpu(stand.pid)
        answered = stand.answered
        stand.scan(500)
        assert drive([stand], all_in(stand, first), 20)
        assert drive([stand], lambda: stand.answered - answered == 500, 20)
        assert 0 < cpu.used_ns() < 20e9
        assert BARE.commits(stand.process, stand.data)
    assert statistics.fmean(fdatasync_us(tmp_path)) > 0
