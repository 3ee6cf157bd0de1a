"""`edge-agent simulate`: whole shifts of the demo's line on a virtual clock, and what must hold.

What runs is what ships, from the filter of a contact to the uplink's packets and a real SQLite
file; what is paper are the contacts themselves, the lamps, the card's speed, the broker and people.
"""

import logging
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edge_agent.simulation.factory import Factory
from edge_agent.simulation.faults import FAULTS, Faults
from edge_agent.simulation.judge import Broken
from edge_agent.simulation.last_word import LastWord
from edge_agent.simulation.layout import configured
from edge_agent.simulation.report import broken, report

__all__ = ["FAULTS", "Simulation", "play", "simulate"]

_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Simulation:
    """What is to be played: the seed that decides everything, how long, and what goes wrong."""

    seed: int
    hours: float = 8.0
    faults: tuple[str, ...] = tuple(FAULTS)


def simulate(wish: Simulation) -> int:
    """Play, and print what held and what was measured; 1 with the first thing that did not."""
    logging.disable(logging.CRITICAL)  # its agents have much to say of their troubles
    with _quick_folder() as folder:
        factory = Factory(Path(folder), wish.seed, configured(Path(folder)))
        faults = Faults(factory, wish.faults)
        code = 0
        try:
            play(factory, faults, wish.hours)
            said = report(wish, factory, faults)
        except Broken as found:
            code, said = 1, broken(wish, factory, faults, found)
        finally:
            factory.close()
    sys.stdout.write(said)
    return code


def play(factory: Factory, faults: Faults, hours: float) -> None:
    """Have people work for so long, everything come to its end, and the last word be said.

    Raises `judge.Broken`.
    """
    factory.begin()
    faults.begin()
    factory.run_until(factory.time.now_ns + int(hours * 3_600 * _S))
    faults.over()
    if not factory.end():
        raise Broken("stops", "an hour after the last pull something is still open, or waits")
    LastWord(factory).say()
    faults.office.close(factory.judge)


def _quick_folder() -> "tempfile.TemporaryDirectory[str]":
    """Give a folder whose flushes cost nothing, where there is one."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    return tempfile.TemporaryDirectory(
        prefix="edge-agent-simulate-", dir=memory if os.access(memory, os.W_OK) else None
    )
