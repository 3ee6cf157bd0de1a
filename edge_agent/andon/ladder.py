"""Who is asked for at each level of a call, resolved at the moment at which it is asked.

A ladder says roles; who has one and works in the shift that runs is looked up anew every time, so
that a call over a shift change asks the people of the new shift, and none of its timers is reset.
"""

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.andon.telling import seconds
from edge_agent.domain.told import Told

if TYPE_CHECKING:
    from edge_agent.andon.andon import Andon


class Asked(NamedTuple):
    """The roles that are asked for, and who has one of them and is on shift."""

    roles: tuple[str, ...]
    people: list[str]


class Ladder:
    """Says whom the calls of an `Andon` ask."""

    def __init__(self, andon: "Andon") -> None:
        self._andon = andon

    def asked(self, station: str, category: str, level: int) -> Asked:
        """Say whom a call at a level asks for at this moment; the first is its responders.

        A level that nobody has written, or not for this shift, asks whom the one below it asks.
        """
        notify = self._andon.plan.notify
        roles: tuple[str, ...] = ()
        while level and not roles:
            keys = (station, category, level), ("*", category, level)
            roles = next((notify[one] for one in keys if notify.get(one)), ())
            level -= 1
        people = [one for role in roles for one in self.on_duty(role)]
        return Asked(roles, list(dict.fromkeys(people)))

    def on_duty(self, role: str) -> list[str]:
        """Name who has a role and works at this moment."""
        shift = self._andon.shop.shift(self._andon.wall_ns())
        return self._andon.orders.people.on_duty(role, shift)

    def escalated(self, told: Told) -> dict[str, object]:
        """Say who is asked for at the level that was reached, and after how long, by its rule."""
        roles, people = self.asked(told.station, told.category, told.level)
        plain: dict[str, object] = {"notify": roles[0] if roles else None, "people": people}
        levels = () if told.post is None else told.post.category.levels
        after_ns = dict(levels).get(told.level)
        return plain if after_ns is None else plain | {"after_s": seconds(after_ns)}
