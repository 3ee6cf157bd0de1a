"""A line wired to a real chip: what mock pins cannot show.

The lines are those of the kernel's gpio-sim: real claims, real events with the kernel's stamps,
real owners. One thing is not as on a Raspberry Pi: a line whose owner dies goes to its resistor,
where a kernel of Raspberry Pi OS may keep its level.

Emulation is ten to fifty times slower than a device, so nothing here is a measure: conditions are
waited for, and the times seen are printed beside how slow Python was (`SLOWER`).
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

if "VMLAB" not in os.environ:
    pytest.skip("VMLAB does not say where the lab is", allow_module_level=True)

from tests.vmlab.lab import CONFIGURATION, Stand
from tests.vmlab.wired import (
    ACK,
    CALLED,
    CLEARS,
    CLOSED,
    CORDS,
    HEARTBEAT,
    HORN,
    LAMPS_HIGH,
    LAMPS_LOW,
    NORMAL,
    OPEN,
    PULSE,
    STARTS,
    STOP_A,
    STOP_B,
    STOPPED,
    STOPPED_ACKED,
    WIRED,
    Floor,
    lit,
)

STAMP_NS = 50_000_000
"""How long after the hand a simulated interrupt may be stamped."""

OUTPUTS = (*LAMPS_HIGH, *LAMPS_LOW, HORN, STOP_A, STOP_B, HEARTBEAT)
OUTLETS = ("tower-a", "tower-b", "horn-a", "stop-a", "stop-b", "heartbeat")
FILE = "/etc/edge-agent/agent.toml"
"""Where `configure` writes."""

AGENT = "/usr/local/bin/edge-agent"

INTRUDER = """
import fcntl, os, struct, sys, time
chip = os.open("/dev/gpiochip0", os.O_RDWR)
numbers = [int(one) for one in sys.argv[1:]]
asked = struct.pack("64I32s", *(numbers + [0] * (64 - len(numbers))), b"intruder")
asked += struct.pack("QI5I240s", 1 << 2, 0, 0, 0, 0, 0, 0, b"")  # inputs
asked += struct.pack("II5Ii", len(numbers), 0, 0, 0, 0, 0, 0, 0)
fcntl.ioctl(chip, 0xC250B407, bytearray(asked))  # GPIO_V2_GET_LINE_IOCTL
print("held", flush=True)
time.sleep(1 << 20)
"""


@pytest.fixture(scope="module")
def floor(made: Stand) -> Iterator[Floor]:
    floor = Floor(made)
    made.ready()
    floor.install()
    made.write("/opt/intruder.py", INTRUDER)
    made.configure(WIRED)
    made.sh("systemctl restart edge-agent")
    print(f"\nSLOWER: {slower(made):.0f} times")
    yield floor
    made.sh("systemctl stop intruder 2>&1 || true; systemctl disable --now floor")
    made.configure(CONFIGURATION)
    made.sh("systemctl restart edge-agent")


@pytest.fixture
def stand(made: Stand, floor: Floor) -> Stand:
    """Give the device as every test finds it: agent ready, nobody calls, both segments run."""
    made.ready()
    floor.calm()
    return made


def slower(stand: Stand) -> float:
    """Say how many times slower than this machine Python is in the device."""
    count = (
        "import time; a = time.perf_counter(); sum(range(1 << 21)); print(time.perf_counter() - a)"
    )
    began = time.perf_counter()
    sum(range(1 << 21))
    here_s = time.perf_counter() - began
    return float(stand.sh(f"python3 -c '{count}'")) / here_s


def truth(stand: Stand, station: str) -> dict[str, Any]:
    """Give what `state/andon` says of a station."""
    return next(
        one
        for one in stand.arrivals.states.values()
        if one.get("station") == station and "calls" in one
    )


def calls(stand: Stand, station: str) -> dict[str, str]:
    """Give the open calls of a station: id -> state."""
    return {one["call"]: one["state"] for one in truth(stand, station)["calls"]}


def raised(stand: Stand, device: str) -> list[dict[str, Any]]:
    return [one for one in stand.arrivals.of("andon.raised") if one["data"]["device"] == device]


def pull(stand: Stand, floor: Floor, station: str, device: str) -> dict[str, Any]:
    """Pull a cord and let it go; gives the event of its call."""
    before = len(raised(stand, device))
    floor.touch(CORDS[station])
    stand.arrivals.until(f"a call of {device}", lambda: len(raised(stand, device)) > before)
    return raised(stand, device)[-1]


def stop(stand: Stand, floor: Floor) -> dict[str, Any]:
    """Stop both segments; gives the event of the call of SEG-A."""
    call = pull(stand, floor, "A2", "cord-a")
    pull(stand, floor, "B2", "cord-b")
    floor.touch(PULSE)
    for station in CORDS:
        floor.shows(station, STOPPED)
    return call


def ask(stand: Stand, command: str, codes: tuple[int, ...] = (0,)) -> str:
    """Ask the agent's command as its user."""
    code, said = stand.vm.sh(f"su -s /bin/sh edge-agent -c 'cd /tmp && {command}'", timeout=300)
    assert code in codes, f"{command} -> {code}\n{said}"
    return said


def devices(stand: Stand) -> dict[str, dict[str, Any]]:
    said = json.loads(ask(stand, f"{AGENT} status {FILE} --json"))
    return {one["name"]: one for one in said["devices"]}


def examined(stand: Stand) -> list[dict[str, str]]:
    """Give the findings of `doctor`."""
    said = json.loads(ask(stand, f"{AGENT} doctor {FILE} --json", (0, 1, 2)))
    findings: list[dict[str, str]] = said["checks"]
    return findings


def intrude(stand: Stand, *lines: str) -> None:
    """Have another program hold lines."""
    numbers = " ".join(line.removeprefix("GPIO") for line in lines)
    stand.sh(f"systemd-run --unit=intruder --collect python3 /opt/intruder.py {numbers}")
    stand.until("journalctl -b -u intruder -o cat --no-pager | tail -1 | grep -q '^held\\|Error'")
    assert stand.sh("systemctl is-active intruder") == "active"


def test_a_pull_lights_stops_and_is_taken_back_line_by_line(stand: Stand, floor: Floor) -> None:
    floor.look()
    since_ns = floor.now_ns
    assert (floor.level(STOP_A), floor.level(STOP_B)) == (True, False), "nothing is asked"
    call = pull(stand, floor, "A2", "cord-a")
    floor.shows("A2", CALLED)
    assert floor.level(STOP_A), "a pull asks for nothing yet"
    hand = floor.hand(CORDS["A2"], since_ns)
    light = next(one for one in floor.since(since_ns, "GPIO6") if one.what == "1")
    print(f"pull to light {(light.before_ns - hand.after_ns) / 1e6:.0f} ms, filter 50 ms")
    assert hand.after_ns <= int(call["monons"]) <= hand.before_ns + STAMP_NS
    floor.touch(PULSE)
    floor.shows("A2", STOPPED)
    assert not floor.level(STOP_A), "with `stop` the request is a line that lets go"
    floor.touch(ACK)
    floor.shows("A2", STOPPED_ACKED)
    acked_ns = floor.now_ns
    floor.touch(CLEARS[0])
    floor.warned(acked_ns)
    assert not floor.level(STOP_A), "cleared is not started"
    floor.touch(STARTS[0])
    floor.shows("A2", NORMAL)
    assert floor.level(STOP_A)
    assert not floor.since(since_ns, STOP_B, *LAMPS_LOW), "the other segment is another one"
    pull(stand, floor, "B2", "cord-b")
    floor.shows("B2", STOPPED)
    assert floor.level(STOP_B), "with `run` the request is a line that is energised"
    floor.calm()
    assert (floor.level(STOP_A), floor.level(STOP_B)) == (True, False)


def test_a_pull_is_stamped_by_the_kernel_and_not_when_it_is_heard(
    stand: Stand, floor: Floor
) -> None:
    floor.look()
    since_ns, before = floor.now_ns, len(raised(stand, "cord-a"))
    cord = f"/opt/floor/wires/{CORDS['A2']}"
    said = stand.sh(
        f"pid=$(systemctl show -P MainPID edge-agent); kill -STOP $pid; echo {OPEN} >{cord};"
        f"sleep 0.9; cut -d' ' -f1 /proc/uptime; kill -CONT $pid; sleep 0.3; echo {CLOSED} >{cord}"
    )
    heard_ns = int(float(said) * 1e9)
    stand.arrivals.until("the call", lambda: len(raised(stand, "cord-a")) > before)
    floor.look()
    hand = floor.hand(CORDS["A2"], since_ns)
    at_ns = int(raised(stand, "cord-a")[-1]["monons"])
    print(
        f"stamped {(at_ns - hand.before_ns) / 1e6:+.1f} ms of the end of a hand's move of "
        f"{(hand.before_ns - hand.after_ns) / 1e6:.1f} ms, "
        f"heard {(heard_ns - at_ns) / 1e6:.0f} ms later"
    )
    assert hand.after_ns <= at_ns <= hand.before_ns + STAMP_NS
    assert heard_ns - at_ns > 10 * STAMP_NS


def kill(stand: Stand) -> tuple[int, int]:
    """Kill the agent; gives moments before, and when it was gone."""
    said = stand.sh(
        "pid=$(systemctl show -P MainPID edge-agent); read a b </proc/uptime; kill -KILL $pid;"
        "while [ -e /proc/$pid/exe ]; do :; done; read c d </proc/uptime; echo $a $c"
    )
    killed_ns, gone_ns = (int(float(one) * 1e9) for one in said.split())
    return killed_ns, gone_ns + 10_000_000  # of hundredths


def nobody(floor: Floor, killed_ns: int, gone_ns: int, began_ns: int) -> int:
    """Hold the outputs to what is wired while nobody is there; says when the last let go."""
    floor.look()
    seen = [one for one in floor.since(killed_ns, *OUTPUTS) if one.before_ns < began_ns]
    alight = [one for one in seen if one.after_ns > gone_ns and lit(one.line, one.what == "1")]
    assert not alight, f"lit by nobody: {alight}"
    levels = {one.line: one.what for one in floor.since(0, *OUTPUTS) if one.before_ns < began_ns}
    energised = [line for line, level in levels.items() if lit(line, level == "1")]
    assert not energised, "and nobody is there"
    return max((one.before_ns for one in seen), default=killed_ns)


@pytest.mark.parametrize("shown", ["green", "yellow", "red"])
def test_lines_of_an_agent_that_is_killed_ask_as_they_are_wired(
    stand: Stand, floor: Floor, shown: str
) -> None:
    look = {"green": NORMAL, "yellow": CALLED, "red": STOPPED}[shown]
    if shown == "yellow":
        pull(stand, floor, "A2", "cord-a")
    elif shown == "red":
        stop(stand, floor)
    floor.shows("A2", look)
    stand.arrivals.until("the call", lambda: bool(calls(stand, "A2")) is (shown != "green"))
    before = calls(stand, "A2"), calls(stand, "B2")
    number, restarts = len(stand.arrivals.of("andon.raised")), stand.show("NRestarts")
    killed_ns, gone_ns = kill(stand)
    stand.until(f"test $(systemctl show -P NRestarts edge-agent) -gt {restarts}")
    began_ns = int(stand.show("ExecMainStartTimestampMonotonic")) * 1000
    dark_ns = nobody(floor, killed_ns, gone_ns, began_ns)
    stand.ready()
    floor.shows("A2", look)
    floor.until("the heartbeat", lambda: len(floor.since(floor.now_ns - 2 * 10**9, HEARTBEAT)) > 1)
    back = [one for one in floor.since(began_ns, *OUTPUTS) if lit(one.line, one.what == "1")]
    ready_ns = int(stand.show("ActiveEnterTimestampMonotonic")) * 1000
    moments = {"dark": dark_ns, "started": began_ns, "lit": back[0].before_ns, "ready": ready_ns}
    after = (f"{what} {(at_ns - killed_ns) / 1e9:.2f} s" for what, at_ns in moments.items())
    print(f"killed while {shown}; after it {', '.join(after)}")
    # yellow comes and goes: unwell, until the inputs are read
    untrue = {LAMPS_HIGH[0]: "red", LAMPS_HIGH[2]: "green"}
    wrong = [one for one in back if untrue.get(one.line, shown) != shown]
    assert not wrong, f"lights that are not true: {wrong}"
    assert floor.level(STOP_A) is (shown != "red")
    assert floor.level(STOP_B) is (shown == "red")
    assert shown != "red" or STOP_A not in {one.line for one in back}, "the stop was taken back"
    stand.arrivals.until(
        "the same call", lambda: (calls(stand, "A2"), calls(stand, "B2")) == before
    )
    assert len(stand.arrivals.of("andon.raised")) == number, "a call that nobody made"
    tail = stand.sh("journalctl -b -u edge-agent -o cat --no-pager | grep ': safe$' | tail -6")
    assert set(tail.splitlines()) == {f"{one}: safe" for one in OUTLETS}


def test_a_power_cut_in_a_stop_comes_back_as_that_stop(stand: Stand, floor: Floor) -> None:
    call = stop(stand, floor)
    stand.arrivals.until("the stop", lambda: calls(stand, "A2") == {call["id"]: "stopped"})
    before = calls(stand, "A2") | calls(stand, "B2")
    number = len(stand.arrivals.of("andon.raised"))
    stand.arrivals.states.clear()
    stand.vm.power_cut()
    stand.vm.boot()
    stand.gun.plug(stand.vm)
    stand.ready()
    floor.booted()
    floor.shows("A2", STOPPED)
    floor.shows("B2", STOPPED)
    red = next(one for one in floor.since(0, LAMPS_HIGH[0]) if one.what == "1")
    print(f"red {red.before_ns / 1e9:.0f} s after the kernel's start")
    stand.arrivals.until("the state", lambda: len(stand.arrivals.states) > 0)
    stand.arrivals.until(
        "the same calls", lambda: calls(stand, "A2") | calls(stand, "B2") == before
    )
    floor.touch(PULSE)
    floor.touch(*STARTS)  # under an open call nobody starts
    floor.look()
    stopped_ns = floor.now_ns
    floor.touch(CLEARS[0])
    floor.warned(stopped_ns)
    floor.until("a while", lambda now_ns=floor.now_ns: floor.now_ns > now_ns + 4 * 10**9)
    assert floor.level(STOP_B)
    assert {one.what for one in floor.since(0, STOP_A)} == {"0"}, "the request was taken back"
    assert not [one for one in floor.since(0, LAMPS_HIGH[2]) if one.what == "1"], "green"
    assert len(stand.arrivals.of("andon.raised")) == number, "a boot is no pull"
    floor.touch(STARTS[0])
    floor.shows("A2", NORMAL)
    assert floor.level(STOP_A)


def test_lines_that_another_program_holds_are_told_and_taken_once_free(
    stand: Stand, floor: Floor
) -> None:
    stand.sh("systemctl stop edge-agent")
    taken = {"cord-a": CORDS["A2"], "tower-a": LAMPS_HIGH[0], "stop-b": STOP_B}
    intrude(stand, *taken.values())
    said = {(one["name"], one["what"]): one for one in examined(stand) if one["group"] == "gpio"}
    for name, line in taken.items():
        finding = said[name, f"{line} is used by 'intruder'"]
        assert finding["verdict"] == "fail"
        assert "end that program" in finding["remedy"]
    assert ("cord-b", f"{CORDS['B2']}: free") in said
    stand.sh("systemctl start edge-agent")
    stand.ready()
    told = devices(stand)
    for name, line in taken.items():
        assert told[name]["condition"] == "trouble"
        assert (
            f"{line} is held by another program, which calls itself 'intruder'" in told[name]["why"]
        )
    assert {one for one, it in told.items() if it["condition"] != "ok"} == set(taken)
    floor.until("no green", lambda: floor.tower("A2")[2] == "off")
    floor.shows("B2", NORMAL)
    words = [one["what"] for one in examined(stand) if one["name"] in taken]
    assert sum("'intruder'" in one for one in words) == len(taken), words
    stand.sh("systemctl stop intruder")
    status = f"su -s /bin/sh edge-agent -c '{AGENT} status {FILE} --json'"
    well = (
        'import json, sys; told = json.load(sys.stdin)["devices"];'
        'sys.exit({one["condition"] for one in told} != {"ok"})'
    )
    stand.until(f"{status} | python3 -c '{well}'")
    floor.calm()
    pull(stand, floor, "A2", "cord-a")
    floor.shows("A2", CALLED)


def test_a_line_that_is_not_there_is_told_and_harms_nobody(stand: Stand, floor: Floor) -> None:
    absent = '[[device]]\nname = "tower-x"\nkind = "gpio-lamp"\nstation = "A2"\nred = "GPIO40"\n'
    stand.configure(WIRED + absent)
    assert "good: 2 stations" in ask(stand, f"{AGENT} check {FILE}")
    stand.sh("systemctl restart edge-agent")
    stand.ready()
    told = devices(stand)
    assert {one for one, it in told.items() if it["condition"] != "ok"} == {"tower-x"}
    assert told["tower-x"]["why"] == "this board has no GPIO40"
    pull(stand, floor, "A2", "cord-a")
    floor.shows("A2", CALLED)
    stand.sh("systemctl stop edge-agent")
    lines = {one["what"]: one["verdict"] for one in examined(stand) if one["group"] == "gpio"}
    assert lines["GPIO40 is not there"] == "fail"
    assert lines[f"{STOP_A}: free"] == "ok"
    stand.configure(WIRED + absent.replace("GPIO40", STOP_A))
    code, said = stand.vm.sh(f"{AGENT} check {FILE}")
    assert code != 0
    assert STOP_A in said
    stand.configure(WIRED)
    stand.sh("systemctl start edge-agent")


def test_the_sandbox_leaves_the_chip_and_the_library_its_pipe(stand: Stand, floor: Floor) -> None:
    assert stand.sh("stat -c '%U %G %a' /dev/gpiochip0") == "root gpio 660"
    pid = stand.show("MainPID")
    held = stand.sh(f"ls -l /proc/{pid}/fd")
    assert "/dev/gpiochip0" in held
    assert "anon_inode:gpio-line" in held
    assert "/run/edge-agent/.lgd-nfy" in held
    pipes = stand.sh("find /run/edge-agent -name '.lgd-nfy*' -type p -printf '%u %m\\n'")
    assert "edge-agent" in pipes
    allowed = stand.show("DeviceAllow")
    assert "char-gpiochip rw" in allowed
    chip = next(one for one in examined(stand) if one["name"] == "chip")
    assert chip["verdict"] == "ok"
    assert "/dev/gpiochip0 (pinctrl-sim), 28 lines" in chip["what"]
    code, said = stand.vm.sh("su -s /bin/sh nobody -c 'cat /dev/gpiochip0'")
    assert code != 0
    assert "denied" in said
    assert floor.tower("A2") == NORMAL
