"""The end: everybody who scanned has an answer before it, however the disk is."""

from collections.abc import Callable

import pytest

from edge_agent.ending import SETTLE_NS, STOP_NS, Ending, Then
from edge_agent.ports import Outcome
from tests.kit.line_bench import Bench, Gun

STOP_S = STOP_NS / 1e9
REFUSED = (Outcome.REJECTED, None, "storage")


def go_on(bench: Bench) -> None:
    """Let it look often enough."""
    for _ in range(6):
        bench.pass_s(SETTLE_NS / 1e9)


class Slow(Gun):
    """A gun of paper that takes its time to finish its read, and to let its answers go."""

    def __init__(self, name: str = "gun-1") -> None:
        super().__init__(name)
        self.when_quiet: list[Then] = []
        self.when_gone: list[Then] = []

    def quiet(self, then: Then) -> None:
        self.when_quiet.append(then)

    def stop(self, then: Then) -> None:
        self.when_gone.append(then)


class Steps:
    """Notes the steps; `hangs` is the one that is never done."""

    def __init__(self, bench: Bench, hangs: str = "") -> None:
        self.taken: list[str] = []
        self._bench = bench
        self._hangs = hangs

    def _take(self, step: str, then: Then) -> None:
        self.taken.append(step)
        if step != self._hangs:
            then()

    def say_offline(self, then: Then) -> None:
        self._take("offline", then)

    def say_last_words(self) -> None:
        self.taken.append("last words")
        self._bench.outbox.note_meta("run", "clean")

    def leave_file(self, then: Then) -> None:
        self._take("file", then)


class Whole:
    """A bench and its end."""

    def __init__(self, bench: Bench, hangs: str = "") -> None:
        self.bench = bench
        self.steps = Steps(bench, hangs)
        self.ending = Ending(bench.reactor, bench.line, bench.outbox, self.steps)
        self.over = False
        bench.reactor.stop = self._end  # type: ignore[method-assign]

    def _end(self) -> None:
        self.over = True

    @property
    def answers(self) -> list[tuple[bytes, Outcome, str | None, str | None]]:
        return self.bench.gun.answers


@pytest.fixture
def whole(bench: Bench) -> Whole:
    return Whole(bench)


def test_an_end_in_order(whole: Whole, keep: Callable[[Bench], Bench]) -> None:
    bench = whole.bench
    bench.scan(b"K-1")
    whole.ending.begin([bench.gun])
    go_on(bench)
    assert whole.steps.taken == ["offline", "last words", "file"]
    assert whole.over
    assert bench.gun.outcomes == ["accepted"]
    again = keep(bench.again())
    assert again.restored.meta["run"] == "clean"


def test_nothing_is_stopped_before_it_has_read_what_it_began(whole: Whole) -> None:
    bench, slow = whole.bench, Slow()
    whole.ending.begin([bench.gun, slow])
    bench.pass_s(1)
    assert (whole.steps.taken, slow.when_gone) == ([], [])
    bench.scan(b"K-1")  # what it had begun
    slow.when_quiet.pop()()
    go_on(bench)
    assert bench.gun.outcomes == ["accepted"]
    assert whole.steps.taken == []
    slow.when_gone.pop()()
    go_on(bench)
    assert whole.steps.taken == ["offline", "last words", "file"]


def test_without_devices_it_ends_too(whole: Whole) -> None:
    whole.ending.begin([])
    go_on(whole.bench)
    assert whole.over


@pytest.mark.parametrize("second", [False, True])
def test_on_a_disk_that_stalls_what_waits_is_refused(whole: Whole, second: bool) -> None:
    """A repeat that shares the answer of its first shares the refusal."""
    bench = whole.bench
    bench.scan(b"kept")
    bench.turn()
    bench.gate.shut = True
    for text in (b"K-1", b"K-2", b"K-1"):
        assert bench.scan(text)
        bench.turn()
    whole.ending.begin([bench.gun])
    go_on(bench)
    bench.pass_s(STOP_S - 0.1)
    assert (whole.over, whole.steps.taken) == (False, [])
    assert bench.gun.outcomes == ["accepted"]
    if second:
        whole.ending.cut([bench.gun])
    else:
        bench.pass_s(0.1)
    assert whole.over
    assert whole.answers[1:] == [(text, *REFUSED) for text in (b"K-1", b"K-1", b"K-2")]
    reads = bench.line.reads()
    assert reads["received"] == 4
    assert (reads["accepted"], reads["rejected"], reads["pending"]) == (1, 3, 0)
    bench.gate.open()  # the disk is back in the last moment: nobody is answered twice
    bench.pass_s(20)
    assert len(whole.answers) == 4
    assert whole.steps.taken == []


def test_a_refusal_reaches_the_device_before_the_end_and_a_third_call_waits_for_nothing(
    whole: Whole,
) -> None:
    bench, slow = whole.bench, Slow()
    whole.ending.cut([slow])
    assert not whole.over
    slow.when_gone.pop()()
    assert whole.over
    whole.over = False
    whole.ending.cut([slow])
    assert whole.over
    assert bench.gun.outcomes == []


@pytest.mark.parametrize("step", ["offline", "file"])
def test_a_step_that_hangs_is_cut_off(bench: Bench, step: str) -> None:
    whole = Whole(bench, step)
    bench.scan(b"K-1")
    whole.ending.begin([bench.gun])
    go_on(bench)
    bench.pass_s(STOP_S - 0.1)
    assert not whole.over
    assert whole.steps.taken[-1] == step
    bench.pass_s(0.1)
    assert whole.over
    assert bench.gun.outcomes == ["accepted"]
