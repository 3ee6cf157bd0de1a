"""The devices and their GPIO lines: at rest by their drivers, running by the agent's word."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, Final

import drivers
from drivers import gpio_lines_info
from edge_agent.configuration import Device
from edge_agent.doctor.findings import Finding
from edge_agent.doctor.presence import condition
from edge_agent.ports import GPIO, Verdict

GROUP: Final = "devices"
LINES: Final = "gpio"


def gpio_lines(keys: object) -> list[str]:
    """List the GPIO lines that a device's keys name."""
    named = [getattr(keys, one.name) for one in fields(keys) if one.metadata.get(GPIO)]  # type: ignore[arg-type] # every `Keys` is a dataclass
    return [line for line in named if line]


def looked_at(device: Device) -> Iterator[Finding]:
    """Have the driver of a device look at what it needs."""
    driver = drivers.load(device.kind)
    found = list(drivers.examined(driver, device.keys))
    if found:
        for verdict, what, remedy in found:
            yield Finding(device.name, GROUP, Verdict(verdict), what, remedy)
    elif gpio_lines(device.keys):
        yield Finding(device.name, GROUP, Verdict.OK, f"{device.kind}: see its lines under gpio")
    else:
        what = f"not looked at: {device.kind} does not offer it"
        yield Finding(device.name, GROUP, Verdict.OK, what)


def chips() -> Finding:
    """Say whether this board has the GPIO that its devices are wired to."""
    return Finding("chip", LINES, *gpio_lines_info.examined_chips())


def lines_looked_at(devices: Sequence[Device]) -> Iterator[Finding]:
    """Say of each line of each device whether it is there and free; no line without a chip."""
    yield Finding("library", LINES, *gpio_lines_info.examined_library())
    chip = chips()
    yield chip
    if chip.verdict is Verdict.OK:
        for device in devices:
            for verdict, what, remedy in gpio_lines_info.examined(gpio_lines(device.keys)):
                yield Finding(device.name, LINES, verdict, what, remedy)


def judged_word(devices: Sequence[Device], said: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    """Judge what a running agent says of its devices; one that it does not know is told."""
    conditions = {one.get("name"): one for one in said}
    for device in devices:
        told = conditions.pop(device.name, None)
        if told is None:
            what, remedy = "the running agent does not have it", "reload the agent"
            yield Finding(device.name, GROUP, Verdict.WARN, what, remedy)
        else:
            yield Finding(device.name, GROUP, *condition(told))
    for name in conditions:
        what, remedy = "the running agent has it, the configuration has not", "reload the agent"
        yield Finding(str(name), GROUP, Verdict.WARN, what, remedy)
