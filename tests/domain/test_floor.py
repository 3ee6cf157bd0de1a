"""A segment and its stations together, with people who pull, forget, answer late and pull twice.

Power cuts come at any step: what is written down then is read back and moved to another clock.
"""

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_agent.domain import segment as seg
from edge_agent.domain import survival
from edge_agent.domain.call import OPEN, REFUSED, Category, State, Trigger
from edge_agent.domain.floor import Floor, Key, Rule
from edge_agent.domain.looks import NEVER_GREEN, SHIPPED, Pattern, Showing, tower
from edge_agent.domain.standing import showing
from edge_agent.domain.told import ENDED, RAISED, STARTED, Told

S = 1_000_000_000
STATIONS = ("A1", "A2", "A3", "A4")
CATEGORIES = {
    ("*", "quality"): Category("quality", stops=True, levels=((2, 60 * S), (3, 300 * S))),
    ("*", "help"): Category("help", stops=True, cancel_by_pull=False, stop_now=True),
    ("*", "material"): Category("material"),
}
NAMES = ("quality", "help", "material")

keys = st.tuples(st.sampled_from(STATIONS), st.sampled_from(NAMES))
waits = st.one_of(st.integers(0, 4 * S), st.integers(0, 400 * S))
answers = st.sampled_from([Trigger.ACK, Trigger.TAKE, Trigger.CONFIRM, Trigger.WANT])


def fresh() -> Floor:
    return Floor(dict.fromkeys(STATIONS, "SEG"), {"SEG": Rule()}, dict(CATEGORIES))


class LivingFloor(RuleBasedStateMachine):
    """What holds after every step, whatever people, inputs and the power do."""

    @initialize()
    def begin(self) -> None:
        self.now_ns = 0
        self.floor = fresh()
        self.ids = 0
        self.raised: dict[str, Key] = {}
        self.cleared: list[str] = []
        self.closed: list[str] = []
        self.levels: dict[str, list[int]] = {}
        self.started: list[str] = []
        self.ended: list[str] = []
        self.hand = False
        self.floor.seen("SEG", 0)

    @property
    def segment(self) -> seg.Segment:
        return self.floor.segments["SEG"]

    def next_id(self) -> str:
        self.ids += 1
        return f"e-{self.ids}"

    def take(self, told: list[Told]) -> list[Told]:
        for one in told:
            call = one.call
            if one.says == RAISED:
                assert call is not None
                self.raised[call.id] = (one.station, one.category)
            elif one.says == "andon.cleared":
                assert call is not None
                self.cleared.append(call.id)
            elif one.says == "andon.closed":
                assert call is not None
                self.closed.append(call.id)
            elif one.says == "andon.escalated":
                assert call is not None
                self.levels.setdefault(call.id, []).append(one.level)
            elif one.says == STARTED:
                assert one.stop is not None
                one.stop.id = self.next_id()
                self.started.append(one.stop.id)
                assert one.stop.primary in one.stop.calls
            elif one.says == ENDED:
                assert one.stop is not None
                assert self.hand, "nothing starts by itself"
                self.ended.append(one.stop.id)
                assert one.stop.ended_ns is not None
                assert one.stop.ended_ns >= one.stop.began_ns
        return told

    # -- people --------------------------------------------------------------------------------

    @rule(wait_ns=waits)
    def time_goes_by(self, wait_ns: int) -> None:
        self.now_ns += wait_ns
        self.take(self.floor.ring(self.now_ns))

    @rule(key=keys)
    def pull(self, key: Key) -> None:
        faulty, opened = self.floor.post(*key).faulty, self.floor.post(*key).open
        told = self.take(self.floor.pull(*key, self.next_id(), self.now_ns, "cord"))
        assert faulty or opened or told[0].says == RAISED, "a pull is always heard"
        lit = tower(showing(self.floor, key[0], self.now_ns), SHIPPED)
        alone = [*self.floor.open_calls(key[0])]
        assert not alone or any(one is not Pattern.OFF for one in lit.values())

    @rule(key=keys, trigger=answers)
    def somebody_answers(self, key: Key, trigger: Trigger) -> None:
        before = survival.plain(self.floor)
        told = self.take(
            self.floor.do(trigger, key[0], self.now_ns, category=key[1], actor="E:1007")
        )
        if told and all(one.says == REFUSED for one in told):
            assert survival.plain(self.floor) == before, "what is refused changes nothing"

    @rule(key=keys)
    def clear(self, key: Key) -> None:
        self.take(self.floor.do(Trigger.CLEAR, key[0], self.now_ns, category=key[1]))

    @rule(station=st.sampled_from(STATIONS))
    def say_why(self, station: str) -> None:
        self.take(self.floor.give_reason(station, "FIT", None))

    @rule(key=keys, for_ns=st.integers(1, 100 * S), ends=st.booleans())
    def bypass(self, key: Key, for_ns: int, ends: bool) -> None:
        self.take(self.floor.bypass(key, None if ends else self.now_ns + for_ns, self.now_ns, "x"))

    # -- inputs --------------------------------------------------------------------------------

    @rule(key=keys)
    def an_input_breaks(self, key: Key) -> None:
        told = self.floor.fault(*key, "wire-break", self.now_ns, self.next_id())
        self.take(told)
        assert Showing.FAULT in showing(self.floor, key[0], self.now_ns) or (
            key in self.floor.bypasses
        )

    @rule(key=keys)
    def an_input_heals(self, key: Key) -> None:
        faulty = self.floor.post(*key).faulty
        self.floor.healed(*key)
        assert self.floor.post(*key).faulty == faulty, "it is not trusted by itself"

    @rule(station=st.sampled_from(STATIONS))
    def reset(self, station: str) -> None:
        self.take(self.floor.reset_fault(station, self.now_ns))

    @rule(ago_ns=st.integers(0, 3 * S))
    def fixed_position(self, ago_ns: int) -> None:
        at_ns = max(self.now_ns - ago_ns, 0)
        holding = self.segment.holding.values()
        due = any(raised_ns <= at_ns for raised_ns in holding)
        pending = self.segment.state is seg.State.PENDING
        self.take(self.floor.fixed("SEG", at_ns))
        assert (self.segment.state is seg.State.STOPPED) or not (pending and due)
        assert (self.segment.state is seg.State.PENDING) or not (pending and not due)

    @rule(moves=st.booleans())
    def a_hand_starts(self, moves: bool) -> None:
        self.hand = True
        self.take(self.floor.start("SEG", self.now_ns, moves=moves))
        self.hand = False

    # -- the power -----------------------------------------------------------------------------

    @rule(gap_ns=st.integers(0, 10**13), new_boot=st.booleans(), jump_ns=st.integers(0, 10**12))
    def the_power_is_cut(self, gap_ns: int, new_boot: bool, jump_ns: int) -> None:
        kept = json.loads(json.dumps(survival.plain(self.floor)))
        open_before = self.ages()
        stop = self.segment.stop
        lasted_ns = None if stop is None else self.now_ns - stop.began_ns
        then_ns = jump_ns if new_boot else self.now_ns + gap_ns
        after = fresh()
        survival.restore(after, kept, self.now_ns)
        survival.shift(after, then_ns - gap_ns - self.now_ns)
        survival.unseen(after, gap_ns)
        self.floor, self.now_ns = after, then_ns
        assert self.ages() == {call: age + gap_ns for call, age in open_before.items()}
        if lasted_ns is not None:
            assert self.segment.stop is not None
            assert self.now_ns - self.segment.stop.began_ns == lasted_ns + gap_ns
            assert self.segment.state in (seg.State.STOPPED, seg.State.RESTARTING)
        self.take(self.floor.seen("SEG", self.now_ns))

    def ages(self) -> dict[str, int]:
        return {
            call.id: self.now_ns - call.raised_ns
            for station in STATIONS
            for _, call in self.floor.open_calls(station)
        }

    @precondition(lambda self: self.segment.stop is None)
    @rule()
    def the_configuration_is_read_again(self) -> None:
        before = self.ages()
        self.take(
            self.floor.replan(
                dict.fromkeys(STATIONS, "SEG"), {"SEG": Rule()}, dict(CATEGORIES), self.now_ns
            )
        )
        assert self.ages() == before

    # -- what always holds ---------------------------------------------------------------------

    @invariant()
    def no_call_is_lost_and_none_invented(self) -> None:
        opened = set(self.ages())
        waiting = {call.id for post in self.floor.posts.values() for call in post.closing}
        assert len(self.cleared) == len(set(self.cleared))
        assert set(self.raised) == opened | set(self.cleared)
        assert set(self.cleared) == waiting | set(self.closed)
        assert not opened & set(self.cleared)

    @invariant()
    def a_stop_stands_until_a_hand_starts_the_line(self) -> None:
        standing = self.segment.state in (seg.State.STOPPED, seg.State.RESTARTING)
        assert (self.segment.stop is not None) == standing
        assert len(self.started) == len(self.ended) + standing

    @invariant()
    def who_calls_at_a_line_that_stands_has_stopped_it_too(self) -> None:
        if self.segment.state is seg.State.STOPPED:
            for key, post in self.floor.posts.items():
                if post.open is not None and self.floor.may_stop(key):
                    assert post.open.state in (State.STOPPED, State.STOPPED_ACKED)

    @invariant()
    def it_is_held_by_what_may_stop_it_and_by_nothing_else(self) -> None:
        held = {key for key, post in self.floor.posts.items() if self.holds(key) and post}
        assert bool(self.segment.holding) == bool(held)
        free = (seg.State.RUNNING, seg.State.RESTARTING)
        assert self.segment.state not in free or not held

    def holds(self, key: Key) -> bool:
        post = self.floor.posts[key]
        return self.floor.may_stop(key) and (post.open is not None or post.faulty)

    @invariant()
    def the_lights_tell_the_truth(self) -> None:
        for station in STATIONS:
            found = showing(self.floor, station, self.now_ns)
            lit = tower(found, SHIPPED)
            calls = [call for _, call in self.floor.open_calls(station)]
            if any(call.state is State.STOPPED for call in calls):
                assert Showing.STOPPED in found
            if not NEVER_GREEN.isdisjoint(found):
                assert lit["green"] is Pattern.OFF
            if not calls and not any(post.faulty for _, post in self.floor.posts_at((station,))):
                assert found & {Showing.NORMAL, Showing.RESTART_WARNING, Showing.STOPPED_ACKED}

    @invariant()
    def levels_only_rise_and_each_is_said_once(self) -> None:
        assert all(levels == sorted(set(levels)) for levels in self.levels.values())

    @invariant()
    def a_call_that_does_not_stop_is_never_stopped(self) -> None:
        for station in STATIONS:
            for name, call in self.floor.open_calls(station):
                assert call.state in OPEN
                assert name != "material" or call.stopped_ns is None


LivingFloor.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
TestFloor = LivingFloor.TestCase


def test_a_floor_that_was_written_down_by_a_newer_release_is_read_as_far_as_it_is_known() -> None:
    floor = fresh()
    floor.pull("A2", "quality", "e-1", 5 * S)
    kept = json.loads(json.dumps(survival.plain(floor)))
    kept["posts"][0]["open"]["mood"] = "cross"
    kept["later"] = {"x": 1}
    kept["segments"]["SEG-Z"] = {"state": "running", "stop": None}
    after = fresh()
    survival.restore(after, kept, 6 * S)
    assert [call.id for _, call in after.open_calls("A2")] == ["e-1"]
    assert after.segments["SEG"].state is seg.State.PENDING
