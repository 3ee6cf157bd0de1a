"""The examination: which checks there are, in which lanes, and what comes of them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge_agent.clock import SystemClock
from edge_agent.configuration import Configuration
from edge_agent.doctor import (
    brokers,
    certificates,
    clocks,
    disk,
    equipment,
    journals,
    machine,
    pages,
    presence,
    reach,
)
from edge_agent.doctor.findings import Check, Finding, worst
from edge_agent.doctor.presence import Presence, State
from edge_agent.doctor.rounds import walked
from edge_agent.ports import Clock, Condition, Verdict
from edge_agent.uplink.visit import Visitor
from edge_agent.wire.topics import Topics

CODES: Final = {Verdict.OK: 0, Verdict.WARN: 1, Verdict.FAIL: 2}
"""Exit codes."""

MACHINE_S: Final = 10.0
DISK_S: Final = 10.0
JOURNAL_S: Final = 60.0
DEVICE_S: Final = 5.0
GPIO_S: Final = 5.0
CLOCK_S: Final = 5.0
FILES_S: Final = 5.0
BROKER_S: Final = 45.0
"""Time limits of the checks; the broker's is that of a visit to one address."""

_STUCK_DISK: Final = ("the disk does not answer", "see `dmesg`; the card may be dying: renew it")


def doctor(config: Path, configuration: Configuration, *, as_json: bool) -> int:
    """Examine everything and print what was found; returns the exit code."""
    if sys.stderr.isatty():
        sys.stderr.write("looking, for a minute and a half at most ...\n")
    met = presence.presence(configuration.agent.data_dir)
    findings = examined(config, configuration, met, SystemClock())
    if as_json:
        print(pages.document(configuration.agent.id, met.running, findings))
    else:
        for line in pages.lines(findings):
            print(line)
    return CODES[worst(findings)]


def examined(
    config: Path, configuration: Configuration, met: Presence, clock: Clock
) -> list[Finding]:
    """Give all findings, in the order of their groups."""
    around = [
        Check("unit", machine.GROUP, MACHINE_S, lambda: machine.unit_looked_at(config)),
        Check("python", machine.GROUP, MACHINE_S, machine.software),
    ]
    lanes = [
        around,
        _disk_lane(configuration, met, clock),
        [Check("time", clocks.GROUP, CLOCK_S, lambda: clocks.judged(clocks.time_of(clock)))],
        _device_lane(configuration, met),
        [Check("reach", reach.GROUP, CLOCK_S, lambda: reach.judged(configuration))],
        _files_lane(configuration, met, clock),
        *_broker_lanes(configuration, clock),
    ]
    findings = [*presence.judged(met), *walked(lanes, clock.mono_ns)]
    agent_is_in = (met.said.get("broker") or {}).get("condition") == Condition.OK
    return brokers.eased(findings, configuration.broker.addresses, agent_is_in=agent_is_in)


def _disk_lane(configuration: Configuration, met: Presence, clock: Clock) -> list[Check]:
    """Look at the disk, then at the journal: a copy of it would spoil the measure."""
    data_dir = configuration.agent.data_dir

    def folder() -> Iterator[Finding]:
        place = disk.place_of(data_dir)
        yield from disk.judged_place(place, running=met.state is State.RUNNING)
        yield disk.judged_medium(disk.medium_of(place.there))
        yield disk.judged_room(disk.room_of(place.there, data_dir), configuration.journal)

    checks = [Check("data_dir", disk.GROUP, DISK_S, folder, lambda: _STUCK_DISK)]
    if met.state is State.RUNNING:
        said = met.said
        counters = said.get("counters") or {}
        word = presence.condition(said.get("journal") or {})
        checks += [
            Check("commit", disk.GROUP, DISK_S, lambda: [disk.judged_own_speed(counters)]),
            Check("autonomy", disk.GROUP, DISK_S, lambda: [disk.judged_autonomy(counters)]),
            Check("journal", journals.GROUP, DISK_S, lambda: journals.judged_word(said, word)),
        ]
    elif met.state is State.RESTING:
        checks += [
            Check(
                "commit", disk.GROUP, DISK_S, lambda: _speed(data_dir, clock), lambda: _STUCK_DISK
            ),
            Check(
                "journal",
                journals.GROUP,
                JOURNAL_S,
                lambda: journals.looked_at(data_dir),
                lambda: _STUCK_DISK,
            ),
        ]
    return checks


def _speed(data_dir: Path, clock: Clock) -> Iterator[Finding]:
    if not data_dir.is_dir():
        return  # there is none yet, or none to write in: said already
    try:
        yield disk.judged_speed(disk.measured(data_dir, clock.mono_ns))
    except OSError as error:
        yield disk.unmeasured(error)


def _device_lane(configuration: Configuration, met: Presence) -> list[Check]:
    devices = configuration.devices
    wired = [device for device in devices if equipment.gpio_lines(device.keys)]
    chip = Check("chip", equipment.LINES, GPIO_S, lambda: [equipment.chips()])
    if met.state is State.RUNNING:
        said = met.said.get("devices") or []
        word = Check("devices", equipment.GROUP, DEVICE_S, lambda: _word(configuration, said))
        return [word, chip] if wired else [word]
    if met.state is not State.RESTING:
        return []
    checks = [
        Check(
            device.name,
            equipment.GROUP,
            DEVICE_S,
            lambda device=device: equipment.looked_at(device),  # type: ignore[misc] # bound now
        )
        for device in devices
    ]
    if wired:
        lines = Check("lines", equipment.LINES, GPIO_S, lambda: equipment.lines_looked_at(wired))
        checks.append(lines)
    return checks


def _word(configuration: Configuration, said: list[dict[str, object]]) -> Iterator[Finding]:
    return equipment.judged_word(configuration.devices, said)


def _files_lane(configuration: Configuration, met: Presence, clock: Clock) -> list[Check]:
    """Look at the certificates of this side, and hear what the agent says of its broker."""
    broker, now_s = configuration.broker, clock.wall_ns() / 1e9
    checks = [
        Check(
            "files",
            brokers.GROUP,
            FILES_S,
            lambda: certificates.files_looked_at(broker, now_s),
            lambda: _STUCK_DISK,
        )
    ]
    if met.state is State.RUNNING:
        word = presence.condition(met.said.get("broker") or {})
        said = Finding("the agent's word", brokers.GROUP, *word)
        checks.append(Check(said.name, said.group, FILES_S, lambda: [said]))
    return checks


def _broker_lanes(configuration: Configuration, clock: Clock) -> Iterator[list[Check]]:
    topic = Topics(configuration.site.base).doctor(configuration.agent.id)
    now_s = clock.wall_ns() / 1e9
    for address in configuration.broker.addresses:
        going = brokers.visitor(configuration, address, clock.mono_ns)

        def probe(going: Visitor = going) -> Iterator[Finding]:
            return brokers.judged(going.go(), topic, now_s)

        def standing(going: Visitor = going) -> tuple[str, str]:
            return brokers.standing(going.visit)

        name = f"{brokers.url(address)} visit"
        yield [Check(name, brokers.GROUP, BROKER_S, probe, standing)]
