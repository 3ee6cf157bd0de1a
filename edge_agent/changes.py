"""What a reload changes: two configurations compared, and what of it can be done while running.

1. Devices, stations, the broker and the limits of the journal change while the agent runs, and so
   do the rules of the line: its calendar, segments, calls, people, reasons and looks.
2. Who the agent is, where it keeps its journal and the base of its topics do not: they are in
   what has been promised already. They are told, and wait for a restart.
"""

from dataclasses import dataclass, replace

from edge_agent.configuration import Configuration, Device, Station


@dataclass(frozen=True, slots=True)
class Changes:
    """What to do, and what runs then.

    Stop `removed` and the old ones of `replaced` before the first of `replaced` and `added` is
    started: a port may have moved from one device to another. `line`: make the rules of the line
    anew, with their state, once stations and devices are what they will be. `after_restart` says
    what has to wait, by key, in words; `then` is the configuration that is in force once the rest
    is done, and the old one of the next comparison.
    """

    removed: tuple[Device, ...]
    replaced: tuple[Device, ...]
    added: tuple[Device, ...]
    stations_removed: tuple[Station, ...]
    stations_added: tuple[Station, ...]
    broker: bool
    journal: bool
    line: bool
    after_restart: dict[str, str]
    then: Configuration

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to do and nothing to tell."""
        return not (
            self.removed
            or self.replaced
            or self.added
            or self.stations_removed
            or self.stations_added
            or self.broker
            or self.journal
            or self.line
            or self.after_restart
        )


def changes(old: Configuration, new: Configuration) -> Changes:
    """Compare what runs with what is wanted; a device is the same one when its name is."""
    before = {device.name: device for device in old.devices}
    after = {device.name: device for device in new.devices}
    were, are = ({one.id for one in said.stations} for said in (old, new))
    return Changes(
        removed=tuple(device for device in old.devices if device.name not in after),
        replaced=tuple(
            device
            for device in new.devices
            if device.name in before and device != before[device.name]
        ),
        added=tuple(device for device in new.devices if device.name not in before),
        stations_removed=tuple(one for one in old.stations if one.id not in are),
        stations_added=tuple(one for one in new.stations if one.id not in were),
        broker=new.broker != old.broker,
        journal=new.journal != old.journal,
        line=_rules(new) != _rules(old),
        after_restart={
            key: f"{key}: {then} instead of {now}: takes effect after a restart"
            for key, now, then in (
                ("agent.id", old.agent.id, new.agent.id),
                ("agent.data_dir", old.agent.data_dir, new.agent.data_dir),
                ("site.base", old.site.base, new.site.base),
            )
            if now != then
        },
        then=replace(new, agent=old.agent, site=replace(new.site, base=old.site.base)),
    )


def _rules(said: Configuration) -> tuple[object, ...]:
    """Give what the rules of the line are made of; the order in which it is written says nothing.

    With stations come their segments: the rules change with them.
    """
    tables: tuple[tuple[object, ...], ...] = (
        *(said.stations, said.calendars, said.segments, said.andons),
        *(said.people, said.reasons, said.looks, said.layouts),
    )
    return said.site.time_zone, said.site.calendar, *(frozenset(each) for each in tables)
