"""Who ends every connection is convicted in bounded time; a network that cuts convicts nobody.

Windows on a virtual clock, against networks that end connections in ways of their own.
"""

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import NamedTuple

import pytest

from edge_agent.records import NORMAL, URGENT, Entry
from edge_agent.uplink import suspicion
from edge_agent.uplink.packets import Version
from edge_agent.uplink.standing import Standing
from edge_agent.uplink.suspicion import (
    ACCUSED_CLOSES,
    CLOSES_LIKE_OTHERS_MAX,
    CLOSES_MAX,
    SPAN_NS,
    Suspicion,
)
from edge_agent.uplink.tally import Tally
from edge_agent.uplink.window import PUBLISH_BYTES_MAX, Book, Kind, Terms, Window
from tests.uplink.shelf import TOPIC, Deaf, Shelf, read_all

NS = 10**9
ROUND_TRIP_NS = 10_000_000
LONGEST_DELAY_NS = 5 * NS
PUBACK_NS = 10 * NS
EVENTS = 12


class Sent(NamedTuple):
    """One publish, as the network sees it."""

    age_ns: int
    count: int
    total_bytes: int
    topic: bytes
    payload: bytes


Fate = Callable[[Sent], str]
"""What becomes of a publish: `ack`, `close` (nobody hears of it), `mute` (no answer)."""

Network = Callable[[Random], tuple[Fate, Callable[[], int]]]
"""For each connection: the fate of its publishes, and its life in nanoseconds."""


class Life:
    """An agent that publishes over a network, connection by connection."""

    def __init__(self, network: Network, seed: int, *, like_others: bool) -> None:
        print(f"seed {seed}")
        self.random = Random(seed)
        self.network = network
        self.now_ns = 10**12
        self.shelf = Shelf()
        self.aside: list[tuple[int, int]] = []
        self.shelf.set_aside = self._set_aside  # type: ignore[method-assign]
        self.shelf.rows[NORMAL] = [
            Entry(n, TOPIC[NORMAL], b"%d " % n + b"." * (0 if like_others else 9 * n), 10**12)
            for n in range(1, EVENTS + 1)
        ]
        tally = Tally()
        if like_others:
            tally.taken(TOPIC[NORMAL], b"0" * 99)
        case = Suspicion(self.random)
        self.book = Book(self.shelf, Standing(), case, tally, [0] * len(Kind))
        self.connections = 0

    def _set_aside(self, lane: int, seq: int, _reason: str) -> None:
        self.aside.append((lane, seq))
        self.shelf.done[lane].add(seq)

    @property
    def settled(self) -> bool:
        return all(
            len(self.shelf.done[lane]) == len(rows) for lane, rows in self.shelf.rows.items()
        )

    def connect(self) -> None:
        """Live one connection, and wait for the next."""
        self.connections += 1
        fate, life = self.network(self.random)
        began_ns, out = self.now_ns, bytearray()
        end_ns = began_ns + life()
        terms = Terms(Version.V5, 20, PUBLISH_BYTES_MAX)
        window = Window(terms, self.book, out, Deaf(), lambda: None)
        window.announce(b"status", b"online")
        for lane in window.lanes.values():
            lane.top_up()
        answers: list[tuple[int, int]] = []
        count = total = 0
        late = closing = False
        while self.now_ns < end_ns and not self.settled and not late:
            while self.shelf.asked:
                self.shelf.turn_page()
            window.fill(self.now_ns)
            for _, topic, packet_id, payload in read_all(out, Version.V5):
                count, total = count + 1, total + len(payload)
                sent = Sent(self.now_ns - began_ns, count, total, topic, payload)
                what = fate(sent)
                if what == "ack" and not closing:
                    answers.append((self.now_ns + ROUND_TRIP_NS, packet_id))
                elif what == "close":
                    closing, end_ns = True, min(end_ns, self.now_ns + ROUND_TRIP_NS)
            due = [at for at, _ in answers]
            soon = min([*due, end_ns, self.now_ns + NS, window.wake_ns()])
            self.now_ns = max(soon, self.now_ns)
            for answer in [one for one in answers if one[0] <= min(self.now_ns, end_ns)]:
                answers.remove(answer)
                window.acknowledge(answer[1], 0)
            late = self.now_ns - (window.oldest_sent_ns() or self.now_ns) >= PUBACK_NS
        if late:
            window.cut()
        elif not self.settled:
            window.hung_up(self.now_ns, told=False)
        window.close()
        self.now_ns += self.random.randint(NS // 5, LONGEST_DELAY_NS)


def acknowledges(_sent: Sent) -> str:
    return "ack"


def for_ever() -> int:
    return 10**18


def random_lives(mean_s: float) -> Network:
    return lambda random: (acknowledges, lambda: int(random.expovariate(1 / mean_s) * NS))


def fixed_age(seconds: float) -> Network:
    return lambda _random: (acknowledges, lambda: int(seconds * NS))


def after_publishes(most: int) -> Network:
    def fate(sent: Sent) -> str:
        return "close" if sent.count >= most else "ack"

    return lambda _random: (fate, for_ever)


def after_bytes(most: int) -> Network:
    def fate(sent: Sent) -> str:
        return "close" if sent.total_bytes >= most else "ack"

    return lambda _random: (fate, for_ever)


def one_answer_then_cut(_random: Random) -> tuple[Fate, Callable[[], int]]:
    """Let the first PUBACK pass, swallow all others, and cut."""
    return (lambda sent: "ack" if sent.count == 1 else "mute"), lambda: 2 * NS


def slow_and_short(random: Random) -> tuple[Fate, Callable[[], int]]:
    """Leave a publish in five unanswered, and let lives be short."""
    return (
        lambda _sent: "ack" if random.random() < 0.8 else "mute",
        lambda: int(random.uniform(0.05, 4.0) * NS),
    )


NETWORKS: dict[str, Network] = {
    "lives of 50 ms": random_lives(0.05),
    "lives of 1 s": random_lives(1),
    "lives of 4 s": random_lives(4),
    "cut at 0.5 s": fixed_age(0.5),
    "cut at 1 s": fixed_age(1),
    "cut at 2.01 s": fixed_age(2.01),
    "cut at the second publish": after_publishes(2),
    "cut at the third publish": after_publishes(3),
    "cut after so many bytes": after_bytes(16),
    "one answer": one_answer_then_cut,
    "slow and short": slow_and_short,
}


@pytest.mark.parametrize("like_others", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_cuts_convicts_nobody(name: str, like_others: bool) -> None:
    for seed in range(3):
        life = Life(NETWORKS[name], seed, like_others=like_others)
        for _ in range(400):
            if life.settled:
                break
            life.connect()
        assert life.aside == [], f"set aside after {life.connections} connections"


def poison(number: int, network: Network = lambda _: (acknowledges, for_ever)) -> Network:
    """Hang up on one event, on top of what the network does."""

    def of(random: Random) -> tuple[Fate, Callable[[], int]]:
        fate, life = network(random)
        word = b"%d " % number
        return (lambda sent: "close" if sent.payload.startswith(word) else fate(sent)), life

    return of


@pytest.mark.parametrize(
    ("like_others", "within_s", "closes"), [(False, 90, CLOSES_MAX), (True, 210, 30)]
)
def test_a_poison_message_is_convicted_in_bounded_time(
    like_others: bool, within_s: int, closes: int
) -> None:
    for seed in range(5):
        life = Life(poison(3), seed, like_others=like_others)
        began_ns = life.now_ns
        while not life.settled:
            life.connect()
            assert life.now_ns - began_ns <= within_s * NS, "not yet convicted"
        assert life.aside == [(NORMAL, 3)]
        assert closes < life.connections <= closes + ACCUSED_CLOSES + 3


def test_a_poison_message_is_convicted_over_a_network_that_cuts_now_and_then() -> None:
    life = Life(poison(5, random_lives(60)), 4, like_others=False)
    began_ns = life.now_ns
    while not life.settled:
        life.connect()
        assert life.now_ns - began_ns <= 900 * NS
    assert life.aside == [(NORMAL, 5)]


def test_urgent_events_do_not_wait_for_a_trial() -> None:
    life = Life(poison(1), 1, like_others=False)
    for _ in range(3):
        life.connect()
    life.shelf.rows[URGENT] = [Entry(100, TOPIC[URGENT], b"pulled", life.now_ns)]
    life.connect()
    assert life.shelf.done[URGENT] == {100}
    assert not life.aside


# -- the case alone ----------------------------------------------------------------------------

A, B = (0, 1), (0, 2)


def made() -> Suspicion:
    return Suspicion(Random(1))


def accuse(case: Suspicion, key: suspicion.Key) -> None:
    """Have the peer close on it until it is accused."""
    for number in range(ACCUSED_CLOSES):
        case.connected()
        assert not case.holds(key), f"held up after {number} closes"
        assert not close(case, key)
    assert case.accused == key


def stand(case: Suspicion, now_ns: int) -> int:
    """Let a connection stand without the accused until it may go; gives when that is."""
    case.connected()
    while case.accused is not None and case.holds(case.accused):
        case.probe(now_ns)
        now_ns = min(case.probe_due_ns(), now_ns + 60 * NS)
        if case.probe(now_ns):
            case.answered()
    return now_ns


def close(
    case: Suspicion, *keys: suspicion.Key, now_ns: int = 0, took_ns: int = 1, like: bool = False
) -> bool:
    return case.closed(list(keys), took_ns, now_ns, told=False, like_others=like)


@pytest.mark.parametrize(("like", "needed"), [(False, CLOSES_MAX), (True, CLOSES_LIKE_OTHERS_MAX)])
def test_closes_after_a_trial_convict(like: bool, needed: int) -> None:
    case, now_ns = made(), 0
    accuse(case, A)
    for number in range(needed):
        now_ns = stand(case, now_ns)
        assert close(case, A, now_ns=now_ns, like=like) == (number == needed - 1)
    assert not case.one_at_a_time
    assert not case.watching


def test_closes_without_a_trial_convict_nobody() -> None:
    case = made()
    assert not any(close(case, A) for _ in range(3 * CLOSES_LIKE_OTHERS_MAX))
    assert case.one_at_a_time


def test_only_who_is_alone_in_flight_is_accused() -> None:
    case = made()
    for _ in range(CLOSES_MAX * 3):
        assert not close(case, A, B)
    assert case.one_at_a_time
    assert case.accused is None


@pytest.mark.parametrize("what", ["another", "idle"])
def test_an_end_without_the_accused_begins_the_count_again(what: str) -> None:
    case, now_ns = made(), 0
    accuse(case, A)
    for _ in range(CLOSES_MAX - 1):
        now_ns = stand(case, now_ns)
        assert not close(case, A, now_ns=now_ns)
    if what == "idle":
        case.cut([])
    else:
        accuse(case, B)
        accuse(case, A)
    now_ns = stand(case, now_ns)
    assert not close(case, A, now_ns=now_ns)


def test_closes_of_long_ago_convict_nobody() -> None:
    case, now_ns = made(), 0
    accuse(case, A)
    for _ in range(3 * CLOSES_MAX):
        now_ns = stand(case, now_ns + SPAN_NS // (CLOSES_MAX - 2))
        assert not close(case, A, now_ns=now_ns)
    case.apart(SPAN_NS // CLOSES_MAX)  # connections are meant to be so far apart
    assert any(
        close(case, A, now_ns=stand(case, now_ns + n * SPAN_NS // CLOSES_MAX))
        for n in range(1, 3 * CLOSES_MAX)
    )


def test_a_peer_that_takes_its_time_to_close_is_waited_for_longer_and_convicts_all_the_same() -> (
    None
):
    case, now_ns = made(), 0
    accuse(case, A)
    for number in range(CLOSES_MAX + 1):
        began_ns, now_ns = now_ns, stand(case, now_ns)
        if number:
            assert now_ns - began_ns >= 3 * 20 * NS
        convicted = close(case, A, now_ns=now_ns, took_ns=20 * NS)
        assert convicted == (number == CLOSES_MAX), "the first close came later than it had stood"


def test_how_long_a_connection_stands_and_how_often_it_shows_it_is_drawn() -> None:
    case, stood, probes = made(), [], set()
    accuse(case, A)
    for _ in range(200):
        stood.append(stand(case, 0))
        probes.add(case._trial._probes)  # type: ignore[union-attr]
        close(case, A, like=True)
        case.cut([])
    assert suspicion.STAND_MIN_NS <= min(stood) < suspicion.STAND_MIN_NS * 1.1
    assert suspicion.STAND_MAX_NS * 0.9 < max(stood) <= suspicion.STAND_MAX_NS
    assert probes == set(range(1, suspicion.PROBES_MAX + 1))
    assert any(low != high for low, high in pairwise(stood))


def test_a_restart_of_the_broker_holds_nothing_up() -> None:
    case = made()
    for key in (A, A, B):  # it closes once, or twice, whatever is on its way
        close(case, key)
        case.connected()
        assert not case.holds(key)


def test_an_acknowledgement_clears_and_ends_going_one_at_a_time() -> None:
    case = made()
    assert not close(case, A, B)
    case.cleared(A)
    assert case.one_at_a_time
    case.cleared(B)
    assert not case.one_at_a_time
    assert not case.watching


def test_a_named_reason_convicts_at_once_but_only_who_is_alone() -> None:
    case = made()
    assert not case.closed([A, B], 1, 0, told=True, like_others=True)
    assert case.closed([A], 1, 0, told=True, like_others=True)


def test_suspicion_ends_even_when_a_suspect_never_comes_again() -> None:
    case = made()
    accuse(case, A)
    stand(case, 0)
    for number in range(suspicion.PASSES_MAX):
        assert case.one_at_a_time
        case.cleared((0, 100 + number))
    assert not case.one_at_a_time


def test_what_passes_while_the_accused_is_held_ends_no_suspicion() -> None:
    case = made()
    accuse(case, A)
    case.connected()
    for number in range(2 * suspicion.PASSES_MAX):
        case.cleared((0, 100 + number))
    assert case.one_at_a_time
    assert case.accused == A
