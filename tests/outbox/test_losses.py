"""Numbers that a file has lost: said once, counted once, and never counted as acknowledged."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import status
from edge_agent.gaps import Numbers
from tests.kit.journals import spoilt
from tests.kit.line_bench import Bench

Keep = Callable[[Bench], Bench]


def gaps(bench: Bench) -> list[tuple[int, int]]:
    found = [event["data"] for event in bench.events() if event["type"] == "outbox.gap"]
    return [(gap["first"], gap["last"]) for gap in found]


def counted(bench: Bench) -> dict[str, Any]:
    found = status.events(bench.outbox)
    parts = ("acknowledged", "waiting", "set_aside", "dropped")
    assert found["stored"] == sum(found[part] or 0 for part in parts), found
    return found


def reopened(bench: Bench, keep: Keep, *lost: int) -> Bench:
    """Kill, lose these numbers, and start again on the same file."""
    into = bench.data_dir
    bench.close()
    if lost:
        spoilt(into, f"DELETE FROM event WHERE seq IN ({','.join(map(str, lost))})")
    return keep(Bench(into, bench.clock))


@pytest.fixture
def eight(bench: Bench) -> Bench:
    for number in range(7):
        assert bench.scan(b"K-%d" % number)
    bench.turn()
    return bench


def test_a_hole_is_said_at_one_start_only(eight: Bench, keep: Keep) -> None:
    found = reopened(eight, keep, 3, 4)
    assert gaps(found) == [(3, 4)]
    for _ in range(3):
        found = keep(found.again())
        assert gaps(found) == [(3, 4)], "said again"
        assert counted(found)["dropped"] == 2


def test_what_is_lost_is_not_acknowledged_later(eight: Bench, keep: Keep) -> None:
    found = reopened(eight, keep, 3, 4)
    found.connect()
    found.acknowledge_all()
    found.scan(b"carries the cursor over the hole")
    found.turn()
    before = counted(found)
    assert before["dropped"] == 2
    again = keep(found.again())
    assert again.restored.missing == []
    after = counted(again)
    assert after["dropped"] == 2
    assert after["acknowledged"] == before["acknowledged"]


def test_only_what_is_newly_lost_is_said(eight: Bench, keep: Keep) -> None:
    found = reopened(eight, keep, 3)
    found = reopened(found, keep, 2, 4, 6)
    assert gaps(found) == [(3, 3), (2, 2), (4, 4), (6, 6)]
    assert counted(found)["dropped"] == 4
    assert counted(keep(found.again()))["dropped"] == 4


def test_a_start_that_was_cut_before_it_could_say_so_says_it_at_the_next(
    eight: Bench, keep: Keep
) -> None:
    into = eight.data_dir
    eight.close()
    spoilt(into, "DELETE FROM event WHERE seq = 5")
    cut = Bench(into, eight.clock)
    cut.gate.shut = True
    keep(cut)
    again = keep(cut.again())
    assert gaps(again) == [(5, 5)]
    assert counted(again)["dropped"] == 1


def test_books_that_do_not_fit_their_crc_are_taken_for_empty(eight: Bench, keep: Keep) -> None:
    found = reopened(eight, keep, 3)
    into = found.data_dir
    found.close()
    spoilt(into, "UPDATE meta SET value = '1 [' WHERE key IN ('lost', 'unsaid')")
    again = keep(Bench(into, eight.clock))
    assert gaps(again) == [(3, 3), (3, 3)]
    assert counted(again)["dropped"] == 1


@given(
    oldest=st.integers(1, 13),
    high=st.integers(0, 12),
    lost=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), max_size=3),
    first=st.integers(1, 14),
    length=st.integers(0, 5),
)
def test_each_missing_number_has_one_fate(
    oldest: int, high: int, lost: list[tuple[int, int]], first: int, length: int
) -> None:
    spans = [(low, low + more) for low, more in lost]
    told = Numbers(oldest, high, spans).fates(first, first + length)
    fates = [(number, why) for low, top, why in told for number in range(low, top + 1)]
    gone = {number for low, top in spans for number in range(low, top + 1)}
    assert fates == [
        (
            number,
            "unknown"
            if number > high
            else "damaged"
            if number >= oldest or number in gone
            else "expired",
        )
        for number in range(first, first + length + 1)
    ]
