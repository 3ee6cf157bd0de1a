"""From the configuration to the rules of the floor; durations become nanoseconds once, here."""

from typing import Final, NamedTuple

from edge_agent.configuration import Andon as Said
from edge_agent.configuration import Configuration
from edge_agent.domain.call import Category
from edge_agent.domain.floor import Floor, Key, Rule

_S: Final = 1e9


class Plan(NamedTuple):
    """What a floor is made of."""

    homes: dict[str, str]
    rules: dict[str, Rule]
    categories: dict[Key, Category]

    def floor(self) -> Floor:
        """Make the floor, with nothing open."""
        return Floor(self.homes, self.rules, self.categories)


def plan_of(configuration: Configuration) -> Plan:
    """Say which station belongs where, and how its calls and segments behave."""
    return Plan(
        {station.id: station.segment or "" for station in configuration.stations},
        {
            one.id: Rule(
                stops=one.fixed_position != "call-only",
                at_once=one.fixed_position == "immediate",
                warning_ns=int(one.restart_warning_s * _S),
                window_ns=int(one.min_window_s * _S),
            )
            for one in configuration.segments
        },
        {(one.station, one.category): category_of(one) for one in configuration.andons},
    )


def category_of(said: Said) -> Category:
    """Turn one `[[andon]]` into the rules of its calls."""
    return Category(
        said.category,
        stops=said.stops,
        cancel_by_pull=said.cancel == "second-pull",
        min_cancel_ns=int(said.min_cancel_s * _S),
        grace_ns=int(said.reason_grace_s * _S),
        levels=tuple((one.level, int(one.after_s * _S)) for one in said.escalate),
        stop_now=said.stop_now,
    )
