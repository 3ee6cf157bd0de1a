"""The rounds end, whatever a check does, and what they found is told in order."""

import json
import threading
from collections.abc import Iterator

from edge_agent.clock import SystemClock
from edge_agent.doctor import pages
from edge_agent.doctor.findings import Check, Finding, worst
from edge_agent.doctor.rounds import walked
from edge_agent.ports import Verdict

MONO_NS = SystemClock().mono_ns
PATIENCE_S = 20.0
SOON_S = 0.01


def well(name: str, group: str = "disk") -> Finding:
    return Finding(name, group, Verdict.OK, "well")


def quick(name: str) -> Check:
    return Check(name, "disk", PATIENCE_S, lambda: [well(name)])


def test_findings_come_in_the_order_of_the_checks_whichever_is_done_first() -> None:
    second = threading.Event()

    def first() -> Iterator[Finding]:
        assert second.wait(PATIENCE_S)
        yield well("first")

    def beside() -> Iterator[Finding]:
        second.set()
        yield well("second")

    lanes = [
        [Check("first", "disk", PATIENCE_S, first), quick("behind")],
        [Check("second", "disk", PATIENCE_S, beside)],
    ]
    found = walked(lanes, MONO_NS)
    assert [one.name for one in found] == ["first", "behind", "second"]


def test_a_check_that_hangs_is_a_finding_and_its_lane_goes_on() -> None:
    never = threading.Event()

    def hanging() -> Iterator[Finding]:
        yield well("before")
        never.wait()

    try:
        stuck = Check("stuck", "disk", SOON_S, hanging, lambda: ("the disk hangs", "renew it"))
        before, late, behind = walked([[stuck, quick("behind")]], MONO_NS)
    finally:
        never.set()
    assert before == well("before")
    assert late == Finding(
        "stuck", "disk", Verdict.FAIL, "the disk hangs; given up after 0.01 s", "renew it"
    )
    assert behind == well("behind")


def test_all_of_it_ends_in_time_and_says_what_was_not_reached() -> None:
    never = threading.Event()

    def hanging() -> Iterator[Finding]:
        never.wait()
        yield well("late")

    try:
        lanes = [[Check("stuck", "disk", PATIENCE_S, hanging), quick("behind")], [quick("beside")]]
        stuck, behind, beside = walked(lanes, MONO_NS, whole_s=SOON_S)
    finally:
        never.set()
    assert (stuck.name, stuck.verdict) == ("stuck", Verdict.FAIL)
    assert behind.what == "there was no time left for this"
    assert beside == well("beside")


def test_a_check_that_throws_is_a_finding_beside_the_others() -> None:
    def throwing() -> Iterator[Finding]:
        yield well("before")
        raise ZeroDivisionError("by nothing")

    check = Check("throws", "devices", PATIENCE_S, throwing)
    before, thrown, behind = walked([[check, quick("behind")]], MONO_NS)
    assert (before, behind) == (well("before"), well("behind"))
    assert thrown.verdict is Verdict.FAIL
    assert "ZeroDivisionError: by nothing" in thrown.what
    assert "report this" in thrown.remedy


# -- on paper ------------------------------------------------------------------------------------


SOME = [
    Finding("gun-1", "devices", Verdict.FAIL, "not there " * 12, "plug it in " * 12),
    Finding("sync", "clock", Verdict.WARN, "bell \x07 and \x1b[31m", "set it"),
    well("medium"),
]


def test_a_page_has_eighty_columns_and_no_control_characters() -> None:
    page = list(pages.lines(SOME))
    assert max(map(len, page)) <= 80
    assert all(line.isprintable() for line in page)
    assert page[0].startswith("fail  devices  gun-1: not there")
    assert any(line.startswith("               -> plug it in") for line in page)
    assert "ok    disk     medium: well" in page
    assert page[-1] == "fail: 1 failure, 1 warning, 1 ok"


def test_the_document_has_its_keys() -> None:
    document = json.loads(pages.document("pi-a2", None, SOME))
    assert document.keys() == {"agent", "running", "verdict", "checks"}
    assert (document["agent"], document["running"], document["verdict"]) == ("pi-a2", None, "fail")
    assert all(
        one.keys() == {"name", "group", "verdict", "what", "remedy"} for one in document["checks"]
    )


def test_the_worst_is_the_verdict() -> None:
    assert worst(SOME) is Verdict.FAIL
    assert worst(SOME[1:]) is Verdict.WARN
    assert worst(SOME[2:]) is Verdict.OK
    assert worst([]) is Verdict.OK
