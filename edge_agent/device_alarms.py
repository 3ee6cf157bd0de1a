"""Devices in trouble: one alarm and one line of log for each, however often it is told.

What is told before the journal is open is raised once it is, and the floor was taken up: the alarm
of a station in training says so.
"""

import logging

from edge_agent.ports import Clock, Condition, Device
from edge_agent.urgent import Urgent
from edge_agent.wire import messages
from edge_agent.wire.messages import AlarmKind

_log = logging.getLogger(__name__)


class DeviceAlarms:
    """Takes every device's word that it is in trouble, or well again (`Tell`)."""

    def __init__(self, clock: Clock, urgent: Urgent) -> None:
        self._clock = clock
        self._urgent = urgent
        self._since_ns: dict[str, tuple[Device, int]] = {}
        self._open = False

    def opened(self) -> None:
        """Raise what began before anything could be written."""
        self._open = True
        for device, _ in self._since_ns.values():
            self._raise(device)

    def tell(self, device: Device, condition: Condition, why: str, remedy: str) -> None:
        """Take a device's word that it is in trouble or well again."""
        if condition is Condition.TROUBLE:
            _log.warning("%s: %s; %s", device.name, why, remedy)
            if device.name not in self._since_ns:
                self._since_ns[device.name] = (device, self._clock.mono_ns())
                if self._open:
                    self._raise(device)
        elif condition is Condition.OK:
            _log.info("%s: working%s", device.name, f"; {remedy}" if remedy else "")
            self._clear(device, "working again")

    def removed(self, device: Device) -> None:
        """Let a device go, and its alarm with it."""
        self._clear(device, "taken out of the configuration")

    def _clear(self, device: Device, why: str) -> None:
        troubled = self._since_ns.pop(device.name, None)
        if troubled is None or not self._open:
            return
        lasted_s = (self._clock.mono_ns() - troubled[1]) / 1e9
        data = messages.alarm_cleared(
            f"device:{device.name}", AlarmKind.DEVICE, why, lasted_s, device.name
        )
        self._write(device, messages.ALARM_CLEARED, data)

    def _raise(self, device: Device) -> None:
        data = messages.alarm_raised(
            f"device:{device.name}", AlarmKind.DEVICE, device.why, device.remedy, device.name
        )
        self._write(device, messages.ALARM_RAISED, data)

    def _write(self, device: Device, kind: str, data: bytes) -> None:
        if device.station is None:
            self._urgent.of_agent(kind, data, f"device:{device.name}")
        else:
            self._urgent.of_station(device.station, kind, data, device.name)
