"""Who may do what: at the station by badge, from afar by role; and what nobody may."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.configuration import Andon, Reason
from edge_agent.domain.people import Person
from edge_agent.wire.messages import Refusal
from edge_agent.wire.orders import LINE_ORDERS
from tests.kit.floor_bench import LINE, MATERIAL, QUALITY, SEGMENT, FloorBench

WEBER = Person("E:1007", "L. Weber", ("leader",), ("welding",))
SATO = Person("E:1008", "M. Sato", ("group-leader",), shifts=("early",))
OPERATOR = Person("4711", "A. Kim", ("operator",))
PEOPLE = replace(
    LINE,
    people=(WEBER, SATO, OPERATOR),
    reasons=(Reason("FIT", "fit problem"), Reason("PART", "wrong part")),
)


def line(tmp_path: Path, **changes: object) -> FloorBench:
    return FloorBench(tmp_path / "data", line=replace(PEOPLE, **changes)).start()  # type: ignore[arg-type]


def scan(bench: FloorBench, text: str, at_s: float, station: str = "A2") -> bool:
    heard = bench.at(at_s).andon.orders.scanned(station, text, bench.clock.now_ns)
    bench.turn()
    return heard


def test_a_leaders_badge_acknowledges_what_is_open_at_his_station(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.pull("cord-A3", 11.0)
    assert scan(bench, "E:1007", 20.0)
    assert (bench.tower("A2"), bench.tower("A3")) == ("yellow steady", "yellow flash-2hz")
    (acked,) = bench.told("andon.acked")
    assert (acked["actor"], acked["tta_s"]) == ("L. Weber", 10.0)


def test_the_word_that_clears_trusts_an_input_again_as_the_button_does(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.at(10.0).wires["cord-A2"].move(False)
    bench.at(30.0).wires["cord-A2"].move(True)
    assert scan(bench, "E:1007", 31.0)
    assert scan(bench, "X:CLEAR", 32.0)
    assert bench.told("andon.rejected")[-1]["why"] == "the fault is still there: wire-break"
    assert bench.told("andon.fault_cleared") == []
    assert scan(bench, "X:CLEAR", 40.0)
    (trusted,) = bench.told("andon.fault_cleared")
    assert (trusted["actor"], bench.tower("A2")) == ("L. Weber", "green steady")


def test_an_operators_badge_and_a_strangers_acknowledge_nothing(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    assert scan(bench, "4711", 20.0)
    assert not scan(bench, "E:9999", 21.0)
    assert not scan(bench, "K-0417", 22.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    assert bench.told("andon.acked", "andon.rejected") == []


def test_a_badge_without_the_skill_warns_and_does_nothing_else(tmp_path: Path) -> None:
    stations = tuple(replace(one, skills=("painting",)) for one in LINE.stations)
    bench = line(tmp_path, stations=stations)
    bench.pull("cord-A2", 10.0)
    assert scan(bench, "E:1007", 20.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    (warned,) = bench.told("andon.rejected")
    assert "L. Weber has not the skill painting" in warned["why"]


def test_a_reason_closes_the_call_that_waits_longest_for_it(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.pull("cord-A2", 20.0)
    bench.pull("cord-A2", 30.0)
    bench.pull("cord-A2", 40.0)
    assert not scan(bench, "R:NONE", 44.0)
    assert scan(bench, "R:FIT", 45.0)
    first, second = bench.told("andon.raised")
    (closed,) = bench.told("andon.closed")
    assert (closed["call"], closed["reason"]) == (first["call"], "FIT")
    bench.at(40.1 + 301)
    assert bench.told("andon.closed")[1]["call"] == second["call"]
    assert bench.told("andon.closed")[1]["reason"] == "unassigned"


def test_words_of_command_need_a_badge_that_is_fresh(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    assert scan(bench, "X:CONFIRM-STOP", 15.0)
    assert "badge" in bench.told("andon.rejected")[-1]["why"]
    scan(bench, "E:1007", 20.0)
    assert scan(bench, "X:CONFIRM-STOP", 79.0)
    bench.pull("cord-A2", 85.0)
    assert bench.tower("A2") == "yellow steady", "a confirmed stop is not cancelled by a pull"
    scan(bench, "X:CLEAR", 81.0 + 60)
    assert bench.tower("A2") == "yellow steady", "he has gone"
    scan(bench, "X:START", 142.0)
    assert "no word" in bench.told("andon.rejected")[-1]["why"]
    scan(bench, "E:1007", 143.0)
    scan(bench, "X:CLEAR", 144.0)
    assert bench.tower("A2") == "green steady"


def test_where_it_is_said_the_clear_button_needs_a_badge(tmp_path: Path) -> None:
    bench = line(tmp_path, andons=(replace(QUALITY, clear="button+badge"), MATERIAL))
    bench.pull("cord-A2", 10.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 70.0)
    assert bench.tower("A2") == "red flash-2hz"
    scan(bench, "4711", 71.0)
    bench.press("clear-A2", 72.0)
    assert bench.tower("A2") == "red flash-2hz"
    scan(bench, "E:1008", 73.0)
    bench.pull("cord-A2", 74.0)
    assert bench.tower("A2") == "red steady", "nor does a pull clear it"
    bench.press("clear-A2", 75.0)
    assert "yellow flash-2hz" in bench.tower("A2"), "the restart is announced"


def test_where_the_leader_cancels_he_comes_first(tmp_path: Path) -> None:
    bench = line(tmp_path, andons=(replace(QUALITY, cancel="leader"), MATERIAL))
    bench.pull("cord-A2", 10.0)
    bench.pull("cord-A2", 20.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    bench.press("ack-A2", 25.0)
    bench.pull("cord-A2", 30.0)
    assert bench.tower("A2") == "green steady"
    (cleared,) = bench.told("andon.cleared")
    assert not cleared["ack_implied"]
    assert (cleared["tta_s"], cleared["ttr_s"]) == (15.0, 20.0)


def test_a_level_names_the_role_and_who_has_it(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.at(320.0)
    second, third = bench.told("andon.escalated")
    assert (second["level"], second["notify"], second["people"]) == (
        *(2, "group-leader"),
        ["M. Sato"],
    )
    assert (third["level"], third["people"]) == (3, [])
    assert bench.horns["A2"].loud


# -- from afar ---------------------------------------------------------------------------------


def test_from_afar_one_can_say_taken_and_no_more(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    assert bench.ask("ack", "A2").refused is None
    assert bench.tower("A2") == "yellow flash-2hz"
    assert bench.horns["A2"].tune == "A", "it does not mute"
    assert bench.told("andon.taken")[0]["actor"] == "L. Weber"
    assert bench.told("andon.acked") == []
    assert bench.state("A2/state/andon")["calls"][0]["taken_by"] == "L. Weber"
    assert "L. Weber is on the way" in bench.state("A2/state/display")["text"]


def test_from_afar_only_a_call_that_stops_nothing_and_was_answered_is_cleared(
    tmp_path: Path,
) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.press("ack-A2", 11.0)
    assert bench.ask("clear", "A2").refused is Refusal.NOT_HERE
    bench.pull("box-A3", 12.0)
    assert bench.ask("clear", "A3").refused is Refusal.NOT_HERE
    bench.press("ack-A3", 13.0)
    assert bench.ask("clear", "A3").refused is None
    assert bench.tower("A3") == "green steady"
    assert bench.tower("A2") == "yellow steady"


def test_a_stop_that_is_wanted_from_afar_happens_at_the_fixed_position(tmp_path: Path) -> None:
    bench = line(tmp_path, andons=(replace(QUALITY, stop_now=True), MATERIAL))
    bench.pull("cord-A2", 10.0)
    assert bench.ask("confirm-stop", "A2").refused is None
    bench.pull("cord-A2", 20.0)
    assert not bench.stop_output.on
    bench.pulse(60.0)
    assert bench.stop_output.on


@pytest.mark.parametrize(
    ("name", "role", "order", "why"),
    [
        ("ack", "board", {}, Refusal.NO_SUCH_CALL),
        ("ack", "operator", {}, Refusal.NOT_ALLOWED),
        ("ack", "nobody", {}, Refusal.NOT_ALLOWED),
        ("clear", "leader", {"call": "x"}, Refusal.NO_SUCH_CALL),
        ("reset-fault", "maintenance", {}, Refusal.NO_SUCH_CALL),
        ("bypass", "material", {"category": "quality", "for_s": 60.0}, Refusal.NOT_ALLOWED),
        ("bypass", "leader", {"category": "quality", "on": False}, Refusal.NO_SUCH_CALL),
        ("reason", "leader", {"reason": "FIT"}, Refusal.NO_SUCH_CALL),
        ("reason", "leader", {"reason": "NONE"}, Refusal.UNKNOWN),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(
    tmp_path: Path, name: str, role: str, order: dict[str, object], why: Refusal
) -> None:
    answer = line(tmp_path).ask(name, "A2", role, **order)
    assert answer.refused is why
    assert answer.message


def test_a_station_of_another_agent_is_unknown(tmp_path: Path) -> None:
    assert line(tmp_path).ask("ack", "B1").refused is Refusal.UNKNOWN


def test_muting_lasts_until_the_next_call_and_spares_the_warning(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    assert bench.ask("mute", "A2").refused is None
    assert bench.horns["A2"].tune == ""
    assert bench.tower("A2") == "yellow flash-2hz", "a light is never muted"
    bench.pull("box-A2", 12.0)
    assert bench.horns["A2"].tune == "A", "a new call is heard"
    bench.pulse(60.0)
    bench.ask("mute", "A2")
    bench.press("clear-A2", 70.0)
    assert bench.horns["A2"].tune == "restart"


def test_a_lamp_test_lights_everything_and_ends_at_a_pull(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.ask("lamp-test", "A2")
    assert bench.tower("A2") == "green steady red steady yellow steady"
    bench.pull("cord-A2", 2.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    bench.ask("lamp-test", "A3")
    bench.at(20.0)
    assert bench.tower("A3") == "green steady"


def test_a_lamp_test_lasts_as_long_as_was_asked(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.ask("lamp-test", "A2", for_s=20.0)
    bench.at(19.9)
    assert bench.tower("A2") == "green steady red steady yellow steady"
    bench.at(20.1)
    assert bench.tower("A2") == "green steady"


@pytest.mark.parametrize("kind", sorted(LINE_ORDERS))
def test_every_command_that_can_be_read_is_answered(tmp_path: Path, kind: str) -> None:
    order = {"category": "quality", "for_s": 5.0, "on": True, "reason": "FIT", "count": 1}
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    answer = bench.ask(kind.removeprefix("cmd."), "A2", **order)
    assert answer.message
    assert "None" not in answer.message


def test_safety_calls_for_people_and_stops_nothing(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=replace(PEOPLE, andons=(Andon("*", "safety"),)))
    from edge_agent.ports import Purpose

    bench.wire("safety-A2", "A2", Purpose.CALL, "safety")
    bench.start()
    bench.pull("safety-A2", 10.0)
    assert bench.tower("A2") == "red flash-2hz yellow flash-2hz"
    bench.pulse(60.0)
    assert not bench.stop_output.on


def test_who_lacks_the_skill_cannot_act_by_a_word_either(tmp_path: Path) -> None:
    stations = tuple(replace(one, skills=("painting",)) for one in LINE.stations)
    bench = line(tmp_path, stations=stations)
    bench.pull("cord-A2", 10.0)
    scan(bench, "E:1007", 20.0)
    scan(bench, "X:CLEAR", 21.0)
    assert bench.told("andon.cleared") == []


def test_a_reason_is_of_the_call_that_was_named(tmp_path: Path) -> None:
    bench = line(tmp_path)
    for name in ("cord-A2", "box-A2"):
        bench.pull(name, bench.at_s() + 10.0)
    bench.press("clear-A2", 30.0)
    assert bench.ask("reason", "A2", category="material", reason="PART").refused is None
    assert [one["category"] for one in bench.told("andon.closed")] == ["material"]


def test_nobody_confirms_the_stop_of_a_call_that_stops_nothing(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("box-A2", 10.0)
    assert bench.ask("confirm-stop", "A2").refused is Refusal.ILLEGAL
    bench.pull("box-A2", 20.0)
    assert bench.told("andon.cleared"), "it can be cancelled as before"


def test_a_mute_does_not_hide_that_it_became_worse(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.at(12.0)
    bench.ask("mute", "A2")
    assert bench.horns["A2"].tune == ""
    bench.pulse(60.0)
    assert bench.horns["A2"].tune == "B"


@pytest.mark.parametrize("changes", [{"fixed_position": "immediate"}, {}])
def test_what_stops_where_it_is_never_comes_too_late(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    segment = replace(SEGMENT, min_window_s=20.0, **changes)  # type: ignore[arg-type]
    quality = replace(QUALITY, stop_now=True)
    bench = line(tmp_path, segments=(segment,), andons=(quality, MATERIAL))
    bench.pull("cord-A2", 10.0)
    bench.press("confirm-A2", 12.0)
    assert bench.stop_output.on
