"""Back-off, standing words, targets: each rule of their docstrings once."""

import threading
from random import Random

import pytest

from edge_agent.configuration import Address, Broker
from edge_agent.records import Entry
from edge_agent.uplink import standing, tally, targets
from edge_agent.uplink.backoff import NS, Backoff
from edge_agent.uplink.dial import Dial, Dialled
from edge_agent.uplink.packets import Version
from edge_agent.uplink.session import Cause, Ending
from edge_agent.uplink.standing import Standing
from edge_agent.uplink.tally import Tally
from edge_agent.uplink.targets import Target, Targets


def test_delays_grow_with_full_jitter_to_their_bound() -> None:
    seed = 11
    print(f"seed {seed}")
    backoff = Backoff(0.2, 5.0, Random(seed))
    first = [Backoff(0.2, 5.0, Random(n)).next_ns() / NS for n in range(200)]
    assert 0.2 <= min(first) < 0.25
    assert 0.7 < max(first) <= 0.8
    for _ in range(10):
        backoff.next_ns()
    later = [backoff.next_ns() / NS for _ in range(500)]
    assert 0.2 <= min(later) < 0.5
    assert 3.7 < max(later) <= 4.0, "a fifth is left for the attempt itself"
    assert backoff.longest_ns() == 5 * NS
    backoff.reset()
    assert backoff.next_ns() / NS <= 0.8


def test_what_an_attempt_took_is_no_longer_waited_for() -> None:
    plain, spent = Backoff(0.2, 5.0, Random(3)), Backoff(0.2, 5.0, Random(3))
    for _ in range(100):
        drawn_ns = plain.next_ns()
        assert spent.next_ns(2 * NS) == max(drawn_ns - 2 * NS, NS // 5)


def test_several_brokers_are_each_found_as_soon_as_one() -> None:
    backoff = Backoff(0.2, 5.0, Random(3), ways=4)
    assert max(backoff.next_ns() for _ in range(500)) <= 1 * NS
    backoff.bounds(1.0, 5.0, ways=10)
    assert {backoff.next_ns() for _ in range(5)} == {1 * NS}, "never sooner than the first wait"


def test_a_thousand_tries_do_not_overflow() -> None:
    backoff = Backoff(0.2, 5.0, Random(1))
    assert max(backoff.next_ns() for _ in range(2000)) <= 5 * NS


def test_state_topics_are_bounded() -> None:
    held = Standing()
    for number in range(standing.STATES_MAX):
        assert held.hold(b"%d" % number, b"x", retain=True)
    assert not held.hold(b"one more", b"x", retain=True)
    assert held.hold(b"0", b"y", retain=True)
    assert held.refused == 1


def test_messages_are_bounded() -> None:
    held = Standing()
    for _ in range(standing.MESSAGES_MAX):
        assert held.say(b"t", b"x")
    assert not held.say(b"t", b"x")
    assert (len(held.messages), held.refused) == (standing.MESSAGES_MAX, 1)


@pytest.mark.parametrize(
    ("retain", "payload", "left"), [(True, b"x", 1), (True, b"", 0), (False, b"x", 0)]
)
def test_only_what_is_retained_and_said_is_said_again(
    retain: bool, payload: bytes, left: int
) -> None:
    held = Standing()
    held.hold(b"t", payload, retain=retain)
    held.told(held.states[b"t"])
    assert len(held.states) == left


def test_a_state_that_changed_meanwhile_is_not_forgotten() -> None:
    held = Standing()
    held.hold(b"t", b"1", retain=False)
    old = held.states[b"t"]
    held.hold(b"t", b"2", retain=False)
    held.told(old)
    assert held.states[b"t"].payload == b"2"


def test_a_page_of_a_replay_is_wanted_once_when_the_last_one_runs_low() -> None:
    held = Standing()
    held.replay([Entry(n, b"t", b"x", 0) for n in range(standing.REPLAY_AHEAD + 1)], more=True)
    assert not held.page_wanted()
    held.replays.popleft()
    assert held.page_wanted()
    assert not held.page_wanted()
    held.replay([], more=False)
    assert not held.page_wanted()


def test_remembered_topics_are_bounded() -> None:
    counted = Tally()
    for number in range(tally.TOPICS_MAX + 1):
        counted.taken(b"%d" % number, b"x")
    assert counted.like_others(b"0", b"x")
    assert not counted.like_others(b"0", b"xx")
    assert not counted.like_others(b"%d" % tally.TOPICS_MAX, b"x")


ADDRESS = Address("broker.plant", 1883, tls=False)


def test_a_version_that_worked_is_remembered_for_a_while() -> None:
    target = Target(ADDRESS)
    assert target.version(0) is Version.V5
    assert target.other_version(Ending(Cause.CLOSED), 0)
    assert target.version(targets.V5_AGAIN_NS - 1) is Version.V311
    assert target.version(targets.V5_AGAIN_NS) is Version.V5


def test_neither_version_is_an_answer() -> None:
    target = Target(ADDRESS)
    assert target.other_version(Ending(Cause.REFUSED, 0x84), 0)
    assert not target.other_version(Ending(Cause.REFUSED, 0x84), 0)
    assert target.version(0) is Version.V5


@pytest.mark.parametrize(
    "ending", [Ending(Cause.REFUSED, 0x86), Ending(Cause.LOST), Ending(Cause.NO_CONNACK)]
)
def test_other_failures_say_nothing_about_the_version(ending: Ending) -> None:
    target = Target(ADDRESS)
    target.greeted(0)  # it has spoken MQTT 5 before: silence now is something else
    assert not target.other_version(ending, 0)


def test_silence_in_mqtt_5_is_given_little_time_once() -> None:
    target, broker = Target(ADDRESS), Broker(addresses=(ADDRESS,))
    assert target.patience_ns(broker) == targets.V5_PATIENCE_NS
    assert target.other_version(Ending(Cause.NO_CONNACK), 0)
    assert target.patience_ns(broker) == 5 * NS
    target.greeted(targets.V5_PATIENCE_NS)  # as slow in 3.1.1: merely slow
    assert target.version(1) is Version.V5
    assert target.patience_ns(broker) == 5 * NS


def test_hanging_dials_are_bounded_and_an_old_one_is_left_behind() -> None:
    never = threading.Event()
    begun: list[Address] = []
    settings = Broker(addresses=(ADDRESS,))

    def opening(address: Address, _broker: Broker, _stage: object) -> Dialled:
        begun.append(address)
        never.wait()
        raise TimeoutError

    def posted(_callback: object, _message: object) -> bool:
        return True

    ended: list[Dial] = []
    dials = Targets(opening, posted, ended.append)
    dials.take(settings.addresses)
    for _ in range(targets.DIALS_MAX + 3):
        assert dials.dial(settings, 0), "at least one is under way"
    hanging = [one for one in threading.enumerate() if one.name == "uplink-dial"]
    assert len(hanging) == targets.DIALS_MAX
    assert not dials.dial(settings, targets.DIAL_FORGET_NS), "left behind, and still alive"
    never.set()
    for thread in hanging:
        thread.join(10)
    assert dials.dial(settings, targets.DIAL_FORGET_NS)
    for thread in threading.enumerate():
        if thread.name == "uplink-dial":
            thread.join(10)
    assert len(begun) == targets.DIALS_MAX + 1


def test_no_address_takes_the_dials_of_another() -> None:
    never = threading.Event()
    settings = Broker(addresses=(ADDRESS, Address("second", 1883, tls=False)))

    def opening(_address: Address, _broker: Broker, _stage: object) -> Dialled:
        never.wait()
        raise TimeoutError

    dials = Targets(opening, lambda _callback, _message: True, lambda _dial: None)
    dials.take(settings.addresses)
    for _ in range(targets.DIALS_MAX):
        assert dials.dial(settings, 0)
    dials.next()
    assert dials.dial(settings, 0)
    assert len(dials.present.dials) == 1
    never.set()
