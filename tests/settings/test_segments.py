"""Segments: a pace, a fixed position, and everything that stops or starts them on this agent."""

from collections.abc import Callable

import pytest

from edge_agent.configuration import Configuration, Product, Segment, Station, from_wire, to_wire

Loaded = Callable[..., Configuration]
Refused = Callable[..., list[str]]

STOPS = "a stop never travels over the broker"


def test_a_segment_is_taken_as_it_is_written(loaded: Loaded, line: str) -> None:
    made = loaded(line)
    assert made.segments == (
        Segment(
            "SEG-A",
            takt_s=60.0,
            fixed_position="pulse",
            fixed_device="pulse-a",
            stop_output="stop-a",
            start_input="start-a",
        ),
    )
    assert made.stations == (Station("A1"), Station("A2", "SEG-A", ("consumer",)))
    assert made.site.time_zone == "Europe/Berlin"
    assert made.site.calendar == "two-shift"
    assert from_wire(to_wire(made)) == made


def test_every_key_of_a_segment_can_be_said(loaded: Loaded, line: str) -> None:
    text = line.replace("takt_s = 60.0", "demand_per_shift = 440").replace("pulse:", "input:")
    more = "restart_warning_s = 7\nmin_window_s = 3\nstop_without_pulse_s = 90\noverrun = 0.1\n"
    more += "small_stop_s = 120\npack_quantity = 10\n"
    more += 'products = [{ name = "P 2/b", takt_s = 45.0, pack_quantity = 12 }, { name = "P3" }]\n'
    text = text.replace(
        'start_input = "start-a"\n', f'start_input = "start-a"\n{more}pm_cycles = 9'
    )
    assert loaded(text).segments == (
        Segment(
            "SEG-A",
            demand_per_shift=440,
            fixed_position="input",
            fixed_device="pulse-a",
            restart_warning_s=7,
            stop_output="stop-a",
            start_input="start-a",
            min_window_s=3,
            stop_without_pulse_s=90,
            overrun=0.1,
            small_stop_s=120,
            pm_cycles=9,
            pack_quantity=10,
            products=(Product("P 2/b", 45.0, 12), Product("P3")),
        ),
    )


@pytest.mark.parametrize("said", ["takt", "immediate"])
def test_a_fixed_position_may_need_no_device(loaded: Loaded, line: str, said: str) -> None:
    (segment,) = loaded(line.replace("pulse:pulse-a", said)).segments
    assert (segment.fixed_position, segment.fixed_device) == (said, None)


def test_a_segment_without_outputs_has_lamps_and_events_only(loaded: Loaded, line: str) -> None:
    text = line.replace('stop_output = "stop-a"\n', "").replace('start_input = "start-a"\n', "")
    assert loaded(text).segments[0].stop_output is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "takt_s = 60.0",
            "takt_s = 60.0\ndemand_per_shift = 440",
            (
                "29:1: segment.demand_per_shift: contradicts takt_s, at c.toml:28:1; keep one of "
                "them: takt_s is the pace, demand_per_shift makes it of net time"
            ),
        ),
        (
            "takt_s = 60.0",
            "demand_per_shift = 0",
            (
                "28:1: segment.demand_per_shift: 0 is out of range; "
                "write a number from 1 to 1000000 pieces"
            ),
        ),
        (
            "takt_s = 60.0",
            "takt_s = 28801",
            (
                '28:1: segment.takt_s: 28801 seconds are longer than the longest shift, "late", '
                "which works 28800; write the seconds from one piece to the next"
            ),
        ),
        (
            "takt_s = 60.0",
            'takt_s = 60.0\nproducts = [{ name = "P2" }, { name = "P2", takt_s = 45.0 }]',
            ('29:32: segment.products.name: "P2" is said already, at c.toml:29:15; keep one'),
        ),
        (
            "takt_s = 60.0",
            f'takt_s = 60.0\nproducts = [{{ name = "{"P" * 65}" }}]',
            (
                "29:15: segment.products.name: has 65 characters, and cmd.changeover names none of "
                "more than 64; write the name that people give it"
            ),
        ),
        (
            "takt_s = 60.0",
            'takt_s = 60.0\nproducts = [{ name = "P2", pack_quantity = 0 }]',
            (
                "29:28: segment.products.pack_quantity: 0 is out of range; "
                "write a number from 1 to 1000000 parts"
            ),
        ),
        (
            'takt_s = 60.0\nfixed_position = "pulse:pulse-a"',
            'fixed_position = "takt"',
            (
                '26:3: segment.takt_s: is missing though fixed_position is "takt"; '
                "write takt_s = 60.0, or demand_per_shift = 440"
            ),
        ),
        (
            '"pulse:pulse-a"',
            '"pulse:puls-a"',
            (
                f'29:1: segment.fixed_position: "puls-a" is not a device of this agent, and {STOPS}'
                '; did you mean "pulse:pulse-a"?'
            ),
        ),
        (
            '"pulse:pulse-a"',
            '"input:far"',
            (
                f'29:1: segment.fixed_position: "far" is not a device of this agent, and {STOPS}; '
                'write "input:pulse-a"'
            ),
        ),
        (
            '"pulse:pulse-a"',
            '"pulse"',
            ('29:1: segment.fixed_position: "pulse" names no device; write it like "pulse:DEVICE"'),
        ),
        (
            '"pulse:pulse-a"',
            '"call_only"',
            (
                '29:1: segment.fixed_position: "call_only" is not known here; '
                'did you mean "call-only"?'
            ),
        ),
        (
            '"pulse:pulse-a"',
            '"sometimes"',
            (
                '29:1: segment.fixed_position: "sometimes" is not known here; '
                'write "takt", "immediate", "call-only", "pulse:DEVICE" or "input:DEVICE"'
            ),
        ),
        (
            '"pulse:pulse-a"',
            '"input:stop-a"',
            (
                '29:1: segment.fixed_position: "stop-a" is an output, and a fixed position is felt '
                'by a contact; write "input:pulse-a"'
            ),
        ),
        (
            '"pulse:pulse-a"',
            '"input:start-a"',
            (
                '29:1: segment.fixed_position: "start-a" has the purpose "start", at c.toml:76:1; '
                'write purpose = "fixed-position" there, or another device here'
            ),
        ),
        (
            '"pulse:pulse-a"',
            '"input:cord-a2"',
            (
                '29:1: segment.fixed_position: "cord-a2" has the purpose "call", at c.toml:60:3; '
                'write purpose = "fixed-position" there, or another device here'
            ),
        ),
        (
            'station = "A2"\npurpose = "fixed-position"',
            'station = "A1"\npurpose = "fixed-position"',
            (
                '29:1: segment.fixed_position: "pulse-a" stands at "A1", which is in no segment; '
                "write a device that stands at a station of this segment"
            ),
        ),
        (
            '"pulse:pulse-a"',
            '"immediate"\nstop_without_pulse_s = 5',
            (
                "30:1: segment.stop_without_pulse_s: is only used with pulses, and fixed_position "
                'is "immediate"; write fixed_position = "pulse:DEVICE", or remove it'
            ),
        ),
        (
            'stop_output = "stop-a"',
            'stop_output = "stop-b"',
            (
                f'30:1: segment.stop_output: "stop-b" is not a device of this agent, and {STOPS}; '
                'did you mean "stop-a"?'
            ),
        ),
        (
            'stop_output = "stop-a"',
            'stop_output = "relay"',
            (
                f'30:1: segment.stop_output: "relay" is not a device of this agent, and {STOPS}; '
                'write "stop-a"'
            ),
        ),
        (
            'stop_output = "stop-a"',
            'stop_output = "tower-a2"',
            (
                '30:1: segment.stop_output: "tower-a2" is a lamp, and a stop is asked for by an '
                'output; write "stop-a"'
            ),
        ),
        (
            'stop_output = "stop-a"',
            'stop_output = "beat-a"',
            (
                '30:1: segment.stop_output: "beat-a" is a heartbeat, at c.toml:91:1; write an '
                "output of its own: the line watches a heartbeat, and a stop is a request"
            ),
        ),
        (
            'start_input = "start-a"',
            'start_input = "stop-a"',
            (
                '31:1: segment.start_input: "stop-a" is an output, and a line is started by a '
                'button; write "start-a"'
            ),
        ),
        (
            'start_input = "start-a"',
            'start_input = "pulse-a"',
            (
                '31:1: segment.start_input: "pulse-a" has the purpose "fixed-position", at '
                'c.toml:70:1; write purpose = "start" there, or another device here'
            ),
        ),
        (
            'start_input = "start-a"',
            'start_input = "panel"',
            (
                '31:1: segment.start_input: "panel" is not a device of this agent, and a line is '
                'started by a hand at the line; write "start-a"'
            ),
        ),
        (
            'segment = "SEG-A"\n',
            'segment = "SEG-A"\npass_unknown = true\n',
            (
                "38:1: station.pass_unknown: is not known to this version of edge-agent (0.1.0); "
                "remove it, or install the version that has it"
            ),
        ),
        (
            'roles = ["consumer"]',
            'roles = ["consumr"]',
            (
                '38:10: station.roles: "consumr" is not known here; write "consumer", "post", '
                '"store_in", "store_out", "producer_start", "producer_end", "dock_in", "dock_out", '
                '"quality" or "admin"'
            ),
        ),
    ],
)
def test_what_no_segment_can_be(refused: Refused, line: str, old: str, new: str, said: str) -> None:
    assert old in line
    assert refused(line.replace(old, new, 1)) == [f"c.toml:{said}"]


def test_a_stop_output_of_nobody_is_told_how_to_do_without(refused: Refused, line: str) -> None:
    text = line.replace('name = "stop-a"', 'name = "other"').replace('"other"\nkind', '"x"\nkind')
    text = text.replace('pin = "GPIO26"', 'pin = "GPIO26"\npurpose = "heartbeat"')
    assert refused(text) == [
        (
            f'c.toml:30:1: segment.stop_output: "stop-a" is not a device of this agent, and {STOPS}'
            "; add the output as a [[device]], or leave stop_output out: lamps and events only"
        )
    ]


def test_a_stop_that_nothing_at_the_line_could_release(
    refused: Refused, loaded: Loaded, line: str
) -> None:
    without = line.replace('start_input = "start-a"\n', "")
    assert loaded(without), "a start button of its stations starts it, unnamed"
    assert loaded(without.replace('purpose = "start"', 'purpose = "line-moving"'))
    missing = (
        'c.toml:26:3: segment.start_input: is missing though "stop-a" asks the line to stop, at '
        "c.toml:30:1: nothing at the line could release it; "
    )
    missing_and_none = (
        f'{missing}add a [[device]] with purpose = "start" at a station of this segment, or with '
        'purpose = "line-moving"'
    )
    assert refused(without.replace('purpose = "start"', 'purpose = "ack"')) == [missing_and_none]
    start = 'name = "start-a"\nkind = "a-button"\nstation = "A2"'
    elsewhere = without.replace(start, start.replace("A2", "A1"))
    assert refused(elsewhere) == [f'{missing}write start_input = "start-a"']
    other = '[[segment]]\nid = "SEG-B"\nstart_input = "start-a"\n'
    other += '[[station]]\nid = "B1"\nsegment = "SEG-B"\n'
    assert refused(without + other) == [missing_and_none]
    typo = "device.purpose: "
    said = refused(without.replace('purpose = "start"', 'purpose = "strat"'))
    assert [typo in one for one in said] == [True], "who mistyped it is told once"


def test_demand_is_for_a_shift(refused: Refused, line: str) -> None:
    text = line.replace('calendar = "two-shift"\n', "").replace(
        "takt_s = 60.0", "demand_per_shift = 9"
    )
    assert refused(text) == [
        (
            "c.toml:27:1: segment.demand_per_shift: is for a shift, and [site] names no calendar "
            'that has shifts; write calendar = "..." in [site], or takt_s in place of it'
        )
    ]


def test_who_counts_or_waits_needs_a_takt(refused: Refused, loaded: Loaded, line: str) -> None:
    (said,) = refused(line.replace("takt_s = 60.0\n", ""))
    assert "pulse:pulse-a, and only a takt shows that it is silent; write takt_s" in said
    count = '[[device]]\nname = "count"\nkind = "a-button"\nstation = "A2"\npurpose = "count"\n'
    assert loaded(line + count + 'pin = "GPIO9"\n')
    assert refused(line.replace("takt_s = 60.0\n", "") + count + 'pin = "GPIO9"\n') == [
        (
            'c.toml:26:3: segment.takt_s: is missing though device "count" counts its cycles, at '
            "c.toml:95:1; write takt_s = 60.0, or demand_per_shift = 440"
        )
    ]


def test_stations_and_segments_are_of_each_other(refused: Refused, line: str) -> None:
    assert refused(line.replace('id = "SEG-A"', 'id = "loop"')) == [
        (
            'c.toml:27:1: segment.id: "loop" is reserved: it stands for something else in the '
            'topics; write another name, such as "loop-1"'
        ),
        (
            "c.toml:27:1: segment.id: no station of this agent stands in it; "
            'write segment = "loop" in its [[station]], or remove the segment'
        ),
        (
            'c.toml:29:1: segment.fixed_position: "pulse-a" stands at "A2", which is in segment '
            '"SEG-A"; write a device that stands at a station of this segment'
        ),
        (
            'c.toml:37:1: station.segment: there is no [[segment]] "SEG-A"; '
            'write "loop", or add a [[segment]]'
        ),
    ]


def test_two_segments_share_neither_id_nor_stop(refused: Refused, line: str) -> None:
    twice = '[[segment]]\nid = "SEG-A"\nstop_output = "stop-a"\n'
    assert refused(line + twice) == [
        (
            'c.toml:93:1: segment.id: "SEG-A" is the id of another segment, at c.toml:27:1; '
            "write an id that no other segment has"
        ),
        (
            'c.toml:94:1: segment.stop_output: "stop-a" stops segment "SEG-A" already, at '
            "c.toml:30:1; write an output of its own: the start of one segment would release the "
            "other"
        ),
    ]


def test_two_segments_have_no_start_together(refused: Refused, line: str) -> None:
    said = refused(line + '[[segment]]\nid = "SEG-B"\nstart_input = "start-a"\n')
    assert (
        'c.toml:94:1: segment.start_input: "start-a" starts segment "SEG-A" already, at '
        "c.toml:31:1; write a button of its own: who starts a line has looked at that line"
    ) in said


def test_a_device_of_unknown_kind_is_not_refused_a_second_time(refused: Refused, line: str) -> None:
    said = refused(line.replace('kind = "an-output"', 'kind = "an-outpt"'))
    assert [text.split(": ")[1] for text in said] == ["device.kind", "device.kind"]


def test_an_output_needs_no_station_and_a_contact_does(refused: Refused, line: str) -> None:
    assert refused(line.replace('kind = "a-cord"\nstation = "A2"', 'kind = "a-cord"')) == [
        'c.toml:60:3: device.station: is missing; write station = "A2"',
    ]
