"""Somebody in an office who sends commands, most of which must not be obeyed."""

import json
from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Final

from edge_agent.simulation.layout import AGENTS, BASE

if TYPE_CHECKING:
    from edge_agent.simulation.factory import Factory
    from edge_agent.simulation.judge import Judge

REFUSED: Final = "refused"
GOOD: Final = "good"

_S: Final = 1_000_000_000
_STATIONS: Final = tuple(station for stations in AGENTS.values() for station in stations)


class Office:
    """Sends one command after the other; `asked` says what has to become of each, by its id."""

    def __init__(self, factory: "Factory", random: Random) -> None:
        self._factory = factory
        self._random = random
        self._number = 0
        self.asked: dict[str, str] = {}

    def send(self) -> None:
        """Send one, chosen by chance."""
        station = self._random.choice(_STATIONS)
        wishes = (
            self._late,
            self._of_nobody,
            self._retained,
            self._start,
            self._out_of_place,
            self._clear_from_afar,
            self._lamp_test_twice,
            self._bypass,
            self._mute,
        )
        self._random.choice(wishes)(station)

    def close(self, judge: "Judge") -> None:
        """Compare what became of them with what had to."""
        outcomes: dict[str, Counter[str]] = {}
        for result in judge.results:
            outcomes.setdefault(result["id"], Counter())[result["outcome"]] += 1
        for command, wanted in self.asked.items():
            came = outcomes.get(command, Counter())
            done = came["done"] + came["accepted"]
            if wanted == REFUSED:
                judge.holds("command", done == 0, f"{command} had to be refused: {dict(came)}")
            else:
                judge.holds("command", done <= 1, f"{command} was obeyed twice: {dict(came)}")

    # -- what it sends -------------------------------------------------------------------------

    def _late(self, station: str) -> None:
        self._say(station, "leader", "mute", REFUSED, late=True)

    def _where(self, station: str, *states: str) -> str:
        """Give a station where a call is open in one of these states, or else this one."""
        fitting = [
            one
            for line in self._factory.lines
            for one in line.stations
            if any(call["state"] in states for call in line.calls(one))
        ]
        return self._random.choice(fitting) if fitting else station

    def _of_nobody(self, station: str) -> None:
        station = self._where(station, "called", "stopped")
        self._say(station, "visitor", "ack", REFUSED)

    def _retained(self, station: str) -> None:
        self._say(station, "leader", "bypass", REFUSED, retain=True, category="quality", for_s=600)

    def _start(self, station: str) -> None:
        self._say(station, "leader", "start", REFUSED)

    def _out_of_place(self, station: str) -> None:
        self._say(station, "leader", "mute", REFUSED, kind="bypass", category="quality", for_s=60)

    def _clear_from_afar(self, station: str) -> None:
        station = self._where(station, "acked", "stopped-acked")
        self._say(station, "leader", "clear", REFUSED, category="quality")

    def _lamp_test_twice(self, station: str) -> None:
        topic, payload = self._say(station, "leader", "lamp-test", GOOD, for_s=3)
        broker = self._factory.broker
        self._factory.later(5 * _S, lambda: broker.up and broker.say(topic, payload))  # type: ignore[arg-type]

    def _bypass(self, station: str) -> None:
        self._say(station, "leader", "bypass", GOOD, category="quality", for_s=90)

    def _mute(self, station: str) -> None:
        self._say(station, "leader", "mute", GOOD)

    def _say(
        self,
        station: str,
        role: str,
        name: str,
        wanted: str,
        *,
        kind: str = "",
        late: bool = False,
        retain: bool = False,
        **order: Any,
    ) -> tuple[str, bytes]:
        self._number += 1
        command = f"office-{self._number:05}"
        self.asked[command] = wanted
        ends_ns = self._factory.time.now_ns + (-60 if late else 60) * _S
        expires = datetime.fromtimestamp(ends_ns // _S, UTC)
        said = {
            "specversion": "1.0",
            "id": command,
            "source": "/office",
            "type": f"cmd.{kind or name}",
            "expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": {"actor": "S. Adler", **order},
        }
        topic = f"{BASE}/{station}/cmd/{role}/{name}"
        payload = json.dumps(said).encode()
        if self._factory.broker.up:
            self._factory.broker.say(topic, payload, retain=retain)
        return topic, payload
