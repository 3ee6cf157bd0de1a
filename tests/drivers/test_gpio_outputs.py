"""Lamps, horns and outputs on a board of mock pins: what each line does, when, and what it means.

What every lamp, horn and output keeps, twin or real, is in tests/contract/test_outputs.py, and so
is what a mock cannot show.
"""

import dataclasses
import itertools
from collections.abc import Iterator

import pytest

from drivers.gpio_outputs import OF_TUNE, GpioHorn, GpioLamp, GpioOutput
from drivers.gpio_pins import use_pins
from drivers.outlet import RETRY_MAX_NS
from drivers.rhythm import Rhythm, beat
from edge_agent.domain.looks import Tune
from edge_agent.ports import GPIO, Condition, Pattern
from tests.kit.boards import Bench

MS = 1_000_000


@pytest.fixture
def rig() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.reactor.close()
    use_pins(None)


# -- lamps -----------------------------------------------------------------------------------------


def test_two_lamps_that_are_told_the_same_moment_flash_together(rig: Bench) -> None:
    one, other = rig.lamp("one"), rig.lamp("two", red="GPIO16", yellow="GPIO20", green="GPIO12")
    one.start()
    other.start()
    phase_ns = rig.clock.now_ns
    one.show({"yellow": Pattern.FLASH_FAST}, phase_ns)
    rig.wait(330 * MS)
    other.show({"yellow": Pattern.FLASH_FAST, "red": Pattern.FLASH_SLOW}, phase_ns)
    for _ in range(400):
        assert rig.board.level("GPIO6") == rig.board.level("GPIO20")
        if rig.board.level("GPIO16") and (rig.clock.now_ns - phase_ns) % (2000 * MS) < 250 * MS:
            assert rig.board.level("GPIO6"), "both rates are lit together"
        rig.wait(10 * MS)


def test_a_lamp_flashes_at_the_rate_that_is_asked_for(rig: Bench) -> None:
    lamp = rig.lamp()
    lamp.start()
    lamp.show({"red": Pattern.FLASH_SLOW, "yellow": Pattern.FLASH_FAST}, rig.clock.now_ns)
    assert rig.watch("GPIO5", 4000 * MS, 500 * MS) == "##..##.."
    assert rig.watch("GPIO6", 2000 * MS, 125 * MS) == "##..##..##..##.."


def test_a_loop_that_was_late_makes_no_later_flash_late(rig: Bench) -> None:
    lamp = rig.lamp()
    lamp.start()
    phase_ns = rig.clock.now_ns
    lamp.show({"red": Pattern.FLASH_FAST}, phase_ns)
    rig.clock.now_ns += 3_100 * MS
    rig.reactor.turn(wait=False)
    assert rig.board.level("GPIO5")
    assert rig.reactor.next_due_ns() == phase_ns + 3_250 * MS


def test_a_steady_lamp_wakes_nobody(rig: Bench) -> None:
    lamp = rig.lamp()
    lamp.start()
    lamp.show({"red": Pattern.STEADY}, rig.clock.now_ns)
    rig.wait(600_000 * MS)
    assert rig.reactor.turns == 0


def test_a_lamp_that_is_lit_by_a_low_level(rig: Bench) -> None:
    lamp = rig.lamp(active_high=False)
    lamp.start()
    lamp.show({"red": Pattern.STEADY}, 0)
    assert rig.levels("GPIO5", "GPIO6", "GPIO13") == [False, True, True]


def test_a_tower_shows_no_green_while_one_of_its_lines_is_not_held(rig: Bench) -> None:
    rig.board.busy.add("GPIO5")
    lamp = rig.lamp()
    lamp.start()
    lamp.show({"yellow": Pattern.STEADY, "green": Pattern.STEADY}, 0)
    assert rig.levels("GPIO6", "GPIO13") == [True, False], "the rest of it works"
    assert lamp.why == "GPIO5 is held by another program"
    rig.board.busy.clear()
    rig.wait(RETRY_MAX_NS)
    assert rig.levels("GPIO6", "GPIO13") == [True, True]
    assert lamp.condition is Condition.OK


def test_a_lamp_in_part_goes_on_flashing(rig: Bench) -> None:
    rig.board.busy.add("GPIO5")
    lamp = rig.lamp()
    lamp.start()
    lamp.show({"yellow": Pattern.FLASH_FAST}, rig.clock.now_ns)
    assert rig.watch("GPIO6", 10_000 * MS, 250 * MS) == "#." * 20
    assert lamp.condition is Condition.TROUBLE
    assert lamp.counters()["troubles"] == 1


def test_a_feedback_lamp_has_no_truth_about_the_line_to_tell(rig: Bench) -> None:
    rig.board.busy.add("GPIO5")
    lamp = rig.lamp(feedback=True)
    lamp.start()
    lamp.signal("green", Pattern.PULSE)
    assert lamp.feedback
    assert rig.watch("GPIO13", 300 * MS) == "###..."


def test_a_signal_over_a_flashing_light_gives_its_phase_back(rig: Bench) -> None:
    lamp = rig.lamp()
    lamp.start()
    lamp.show({"yellow": Pattern.FLASH_FAST}, rig.clock.now_ns)
    rig.wait(300 * MS)
    lamp.signal("yellow", Pattern.PULSE)
    assert rig.watch("GPIO6", 550 * MS) == "###.#####.."


# -- horns -----------------------------------------------------------------------------------------


def test_every_tune_can_be_played() -> None:
    assert set(OF_TUNE) == set(Tune)
    assert all(played.repeats for tune, played in OF_TUNE.items() if tune)


def heard(played: Rhythm, ms: int = 10_000) -> tuple[tuple[int, int], ...]:
    """Listen for ten seconds: how often a tone of each length is to be heard."""
    tones: list[int] = []
    now_ns = 0
    while now_ns < ms * MS:
        on, until_ns = beat(played, 0, now_ns)
        if on:
            tones.append((until_ns - now_ns) // MS)
        now_ns = until_ns
    return tuple((length, tones.count(length)) for length in sorted(set(tones)))


def test_no_two_tunes_sound_the_same() -> None:
    tunes = [tune for tune in Tune if tune]
    for one, other in itertools.combinations(tunes, 2):
        a, b = heard(OF_TUNE[one]), heard(OF_TUNE[other])
        lengths_a, lengths_b = {length for length, _ in a}, {length for length, _ in b}
        longest = max(*lengths_a, *lengths_b)
        told_apart = lengths_a != lengths_b and (
            abs(max(lengths_a) - max(lengths_b)) >= 0.2 * longest
            or abs(sum(n for _, n in a) - sum(n for _, n in b)) >= 2
        )
        assert told_apart, f"{one} and {other}"


def test_a_call_sounds_every_ten_seconds_and_a_stop_without_a_pause(rig: Bench) -> None:
    horn = rig.horn()
    horn.start()
    horn.sound("A", loud=False)
    call = rig.watch("GPIO21", 20_000 * MS, 200 * MS)
    assert call == ("##.##" + 45 * ".") * 2
    horn.sound("B", loud=False)
    assert rig.watch("GPIO21", 2000 * MS, 200 * MS) == "####.####."
    horn.sound("restart", loud=False)
    assert rig.watch("GPIO21", 2000 * MS, 250 * MS) == "#.#.#.#."


def test_a_tune_that_plays_goes_on_when_it_is_asked_for_again(rig: Bench) -> None:
    horn = rig.horn()
    horn.start()
    horn.sound("A", loud=False)
    rig.wait(5_000 * MS)
    horn.sound("A", loud=False)
    assert not rig.board.level("GPIO21")
    horn.sound("", loud=False)
    horn.sound("A", loud=False)
    assert rig.board.level("GPIO21"), "after silence it begins anew"


def test_loud_is_both_lines_in_one_rhythm(rig: Bench) -> None:
    horn = rig.horn(pin_loud="GPIO20")
    horn.start()
    horn.sound("B", loud=False)
    assert rig.levels("GPIO21", "GPIO20") == [True, False]
    horn.sound("B", loud=True)
    assert rig.levels("GPIO21", "GPIO20") == [True, True]
    rig.wait(850 * MS)
    assert rig.levels("GPIO21", "GPIO20") == [False, False]
    rig.wait(150 * MS)
    horn.sound("B", loud=False)
    assert rig.levels("GPIO21", "GPIO20") == [True, False]


def test_a_horn_in_trouble_with_one_line_plays_on_the_other(rig: Bench) -> None:
    rig.board.busy.add("GPIO20")
    horn = rig.horn(pin_loud="GPIO20")
    horn.start()
    horn.sound("B", loud=True)
    assert rig.board.level("GPIO21")
    assert horn.condition is Condition.TROUBLE


# -- outputs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("active_high", [True, False])
@pytest.mark.parametrize(
    ("loss", "on", "energised"),
    [("stop", False, True), ("stop", True, False), ("run", False, False), ("run", True, True)],
)
def test_a_lost_agent_is_what_it_was_said_to_be(
    rig: Bench, loss: str, on: bool, energised: bool, active_high: bool
) -> None:
    output = rig.output(on_agent_loss=loss, active_high=active_high)
    output.start()
    output.request(on=on)
    assert output.on is on
    assert rig.board.level("GPIO26") is (energised is active_high)


@pytest.mark.parametrize("loss", ["stop", "run"])
def test_an_open_stop_is_never_let_go_of_at_the_start(rig: Bench, loss: str) -> None:
    output = rig.output(on_agent_loss=loss)
    output.request(on=True)
    output.start()
    assert output.on
    pin = rig.board.pin("GPIO26")
    assert [one.state for one in pin.states[1:]] == ([] if loss == "stop" else [True])


@pytest.mark.parametrize("loss", ["stop", "run"])
def test_who_leaves_leaves_what_the_plc_sees_of_a_lost_agent(rig: Bench, loss: str) -> None:
    output = rig.output(on_agent_loss=loss)
    output.start()
    output.request(on=loss == "run")
    assert rig.board.level("GPIO26")
    output.stop()
    assert not rig.board.level("GPIO26")
    assert not rig.board.driven("GPIO26")


def test_a_heartbeat_beats_once_a_second_while_it_is_on(rig: Bench) -> None:
    output = rig.output(purpose="heartbeat")
    output.start()
    assert output.heartbeat
    assert rig.watch("GPIO26", 2000 * MS, 250 * MS) == "........"
    output.request(on=True)
    assert rig.watch("GPIO26", 3000 * MS, 250 * MS) == "##..##..##.."
    output.request(on=False)
    assert rig.watch("GPIO26", 2000 * MS, 250 * MS) == "........"


def test_a_heartbeat_that_is_asked_for_again_beats_as_it_did(rig: Bench) -> None:
    output = rig.output(purpose="heartbeat")
    output.start()
    for _ in range(10):
        output.request(on=True)
        rig.wait(400 * MS)
    assert rig.board.changes("GPIO26") == 9, "at once, and then every half second"


def test_a_loop_that_hangs_beats_no_more(rig: Bench) -> None:
    output = rig.output(purpose="heartbeat")
    output.start()
    output.request(on=True)
    rig.clock.now_ns += 60_000 * MS
    assert rig.board.changes("GPIO26") == 1, "nobody turned the reactor"


# -- keys ------------------------------------------------------------------------------------------


def test_every_key_that_names_a_line_says_so() -> None:
    named = {
        (kind.__name__, key.name)
        for kind in (GpioLamp, GpioHorn, GpioOutput)
        for key in dataclasses.fields(kind.Keys)
        if key.metadata.get(GPIO)
    }
    lights = {("GpioLamp", light) for light in ("red", "yellow", "green", "blue", "white")}
    others = {("GpioHorn", "pin"), ("GpioHorn", "pin_loud"), ("GpioOutput", "pin")}
    assert named == lights | others


@pytest.mark.parametrize(
    ("keys", "said", "words"),
    [
        (GpioLamp.Keys, {}, 'red: no light has a line; write at least one, as in "GPIO5"'),
        (GpioLamp.Keys, {"blue": "17"}, "blue: '17' is no GPIO line; write its number as in \"GP"),
        (GpioHorn.Keys, {"pin": "gpio17"}, "pin: 'gpio17' is no GPIO line"),
        (GpioHorn.Keys, {"pin": "GPIO1", "pin_loud": "GPIO017"}, "pin_loud: 'GPIO017' is no GPIO"),
        (GpioOutput.Keys, {"pin": "GPIO26"}, 'on_agent_loss: must be said, .* write "stop"'),
        (
            GpioOutput.Keys,
            {"pin": "GPIO26", "purpose": "heartbeat", "on_agent_loss": "run"},
            "on_agent_loss: a heartbeat that is lost stands still; leave it out",
        ),
    ],
)
def test_keys_that_cannot_be_meant(
    keys: type[GpioLamp.Keys], said: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        keys(**said)  # type: ignore[arg-type]
