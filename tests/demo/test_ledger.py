"""The books of the demo: they agree only when nothing is lost and nothing invented."""

from edge_agent.demo.ledger import Ledger


def test_accepted_waits_until_it_arrives() -> None:
    ledger = Ledger()
    ledger.scan_made("A1", "K-1")
    assert ledger.no_light == 1
    ledger.light_seen("accepted", "e-1")
    assert (ledger.no_light, ledger.waiting, ledger.agrees) == (0, 1, False)
    ledger.event_arrived("e-1", "A1", "K-1")
    assert (ledger.waiting, ledger.arrived, ledger.agrees) == (0, 1, True)


def test_the_broker_may_be_faster_than_the_light() -> None:
    ledger = Ledger()
    ledger.scan_made("A1", "K-1")
    ledger.event_arrived("e-1", "A1", "K-1")
    assert ledger.unlit == 1
    ledger.light_seen("accepted", "e-1")
    assert (ledger.unlit, ledger.no_light, ledger.agrees) == (0, 0, True)


def test_a_kill_between_commit_and_light_is_no_invention() -> None:
    ledger = Ledger()
    ledger.scan_made("A1", "K-1")
    ledger.scan_made("A1", "K-1")  # no light: scanned again
    ledger.light_seen("accepted", "e-2")
    ledger.event_arrived("e-1", "A1", "K-1")
    ledger.event_arrived("e-2", "A1", "K-1")
    assert (ledger.unlit, ledger.no_light, ledger.agrees) == (1, 1, True)


def test_what_nobody_made_is_invented() -> None:
    ledger = Ledger()
    ledger.event_arrived("e-1", "A1", "K-1")
    assert ledger.invented == 1
    assert not ledger.agrees


def test_the_same_scan_twice_under_two_ids_is_invented() -> None:
    ledger = Ledger()
    ledger.scan_made("A1", "K-1")
    ledger.light_seen("accepted", "e-1")
    ledger.event_arrived("e-1", "A1", "K-1")
    ledger.event_arrived("e-2", "A1", "K-1")
    assert not ledger.agrees


def test_a_repeat_and_a_refusal_without_an_event_wait_for_nothing() -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.scan_made("A1", "K-1")
    ledger.light_seen("accepted", "e-1")
    ledger.light_seen("suppressed", "e-1")
    ledger.light_seen("rejected", None)
    ledger.event_arrived("e-1", "A1", "K-1")
    assert (ledger.accepted, ledger.repeats, ledger.rejected) == (1, 1, 1)
    assert ledger.agrees
