"""A segment and its stations together, with people who pull, forget, answer late and pull twice."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge_agent.domain import segment as seg
from edge_agent.domain.call import OPEN, Category, Post, State, Trigger

S = 1_000_000_000
STATIONS = ("A1", "A2", "A3", "A4")
CATEGORIES = (
    Category("quality", stops=True, levels=((2, 60 * S), (3, 300 * S))),
    Category("help", stops=True, cancel_by_pull=False),
    Category("material"),
)

posts = st.sampled_from([(station, number) for station in STATIONS for number in range(3)])
waits = st.one_of(st.integers(0, 4 * S), st.integers(0, 400 * S))


class Floor(RuleBasedStateMachine):
    """What holds after every step, whatever people do."""

    @initialize()
    def begin(self) -> None:
        self.now_ns = 0
        self.pulls = 0
        self.posts = {
            (station, number): Post(category)
            for station in STATIONS
            for number, category in enumerate(CATEGORIES)
        }
        self.segment = seg.Segment()
        self.requested = False
        self.stops = 0
        self.begun = 0
        self.raised = 0
        self.cleared = 0
        self.closed = 0
        self.escalated: dict[str, list[int]] = {}
        self.segment.take(seg.Trigger.SEEN, 0)

    def _asked(self, asks: str) -> None:
        if asks == seg.STOP:
            assert not self.requested
            self.requested, self.begun = True, self.begun + 1
        elif asks == seg.RELEASE:
            assert self.requested
            self.requested = False
        if stop := self.segment.ended():
            self.stops += 1
            assert stop.ended_ns is not None
            assert stop.ended_ns >= stop.began_ns
            assert stop.primary in stop.calls

    def _tell(self, key: tuple[str, int], before: str | None) -> None:
        """Tell the segment what became of a post."""
        post = self.posts[key]
        after = post.open.id if post.open is not None and post.category.stops else None
        if before is not None and before != after:
            self._asked(self.segment.let_go(before, self.now_ns))
        if after is not None and after != before:
            assert post.open is not None
            self._asked(self.segment.hold(after, post.open.raised_ns, self.now_ns))

    def _holding(self, key: tuple[str, int]) -> str | None:
        post = self.posts[key]
        return post.open.id if post.open is not None and post.category.stops else None

    @rule(wait_ns=waits)
    def time_goes_by(self, wait_ns: int) -> None:
        self.now_ns += wait_ns
        for post in self.posts.values():
            for says, call, level in post.ring(self.now_ns):
                assert call is not None
                self.closed += says == "andon.closed"
                if says == "andon.escalated":
                    self.escalated.setdefault(call.id, []).append(level)

    @rule(key=posts)
    def pull(self, key: tuple[str, int]) -> None:
        before = self._holding(key)
        self.pulls += 1
        says = self.posts[key].pull(f"c-{self.pulls}", self.now_ns).says
        self.raised += says == "andon.raised"
        self.cleared += says == "andon.cleared"
        self._tell(key, before)

    @rule(key=posts, trigger=st.sampled_from([Trigger.ACK, Trigger.TAKE, Trigger.CONFIRM]))
    def somebody_comes(self, key: tuple[str, int], trigger: Trigger) -> None:
        self.posts[key].take(trigger, self.now_ns, actor="E:1007")

    @rule(key=posts)
    def clear(self, key: tuple[str, int]) -> None:
        before = self._holding(key)
        self.cleared += self.posts[key].take(Trigger.CLEAR, self.now_ns).says == "andon.cleared"
        self._tell(key, before)

    @rule()
    def fixed_position(self) -> None:
        self._asked(self.segment.take(seg.Trigger.FIXED, self.now_ns))
        if self.segment.state is seg.State.STOPPED:
            for post in self.posts.values():
                post.take(Trigger.FIXED, self.now_ns)

    @rule(moves=st.booleans())
    def start(self, moves: bool) -> None:
        trigger = seg.Trigger.MOVES if moves else seg.Trigger.START
        self._asked(self.segment.take(trigger, self.now_ns))

    @rule(key=posts)
    def reason(self, key: tuple[str, int]) -> None:
        for call in [*self.posts[key].closing]:
            self.closed += self.posts[key].close(call.id, "fit").says == "andon.closed"

    @invariant()
    def the_stop_output_tells_the_truth(self) -> None:
        held = self.segment.state in (seg.State.STOPPED, seg.State.RESTARTING)
        assert self.requested == held
        assert (self.segment.stop is not None) == held

    @invariant()
    def it_is_released_only_when_nobody_holds_it(self) -> None:
        holding = {key for key, post in self.posts.items() if post.holds()}
        assert bool(self.segment.holding) == bool(holding)
        free = (seg.State.RUNNING, seg.State.RESTARTING)
        assert self.segment.state not in free or not holding

    @invariant()
    def no_call_is_lost_and_none_invented(self) -> None:
        calls = [post.open for post in self.posts.values() if post.open is not None]
        waiting = sum(len(post.closing) for post in self.posts.values())
        assert self.raised == len(calls) + self.cleared
        assert self.cleared == waiting + self.closed
        assert all(call.state in OPEN for call in calls)
        assert self.begun == self.stops + self.requested

    @invariant()
    def levels_only_rise_and_each_is_said_once(self) -> None:
        assert all(levels == sorted(set(levels)) for levels in self.escalated.values())

    @invariant()
    def a_call_that_does_not_stop_is_never_stopped(self) -> None:
        for post in self.posts.values():
            if post.open is not None and not post.category.stops:
                assert post.open.stopped_ns is None
                assert post.state is not State.STOPPED


Floor.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestFloor = Floor.TestCase
