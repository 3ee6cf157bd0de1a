"""`edge-agent simulate`: the same seed plays the same, and the judge sees what is broken."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import Any

import pytest

from edge_agent.andon import orders
from edge_agent.andon.andon import Andon
from edge_agent.andon.telling import Telling
from edge_agent.andon.towers import Towers
from edge_agent.configuration import Configuration
from edge_agent.domain import survival
from edge_agent.domain.call import Post, Trigger
from edge_agent.domain.contact import Feel
from edge_agent.domain.floor import Floor
from edge_agent.domain.segment import Segment
from edge_agent.domain.told import Told
from edge_agent.simulation import people, play
from edge_agent.simulation.factory import Factory
from edge_agent.simulation.faults import FAULTS, MEANS_S, Faults
from edge_agent.simulation.judge import RULES, Broken
from edge_agent.simulation.layout import configured
from tests.kit.journals import quick_folder

SEED, HOURS, HASTE = 7, 0.4, 12.0
"""A short play in which everything goes wrong that can."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Configuration]:
    return configured(tmp_path_factory.mktemp("factory"))


@pytest.fixture(autouse=True)
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have people pull often, and confirm and pull again more than they would."""
    monkeypatch.setattr(people, "PULLS_S", 150.0)
    monkeypatch.setattr(people, "CONFIRMS", 0.3)
    monkeypatch.setattr(people, "PRESSES", 0.25)


@pytest.fixture(scope="module")
def chance() -> int:
    first = int(os.environ.get("SEED") or SystemRandom().randrange(10**9))
    print(f"SEED={first}")
    return first


def played(
    written: list[Configuration], hours: float = HOURS, seed: int = SEED
) -> tuple[Factory, Faults]:
    with quick_folder() as folder:
        factory = Factory(Path(folder), seed, written)
        faults = Faults(factory, tuple(FAULTS), HASTE)
        try:
            play(factory, faults, hours)
        finally:
            factory.close()
    return factory, faults


def command(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "simulate", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin"},
    )


def test_everything_goes_wrong_and_every_rule_is_tried_and_holds(
    written: list[Configuration],
) -> None:
    factory, faults = played(written)
    assert set(faults.happened) == {*MEANS_S, "clock"}
    assert {rule for rule in RULES if not factory.judge.held[rule]} == set()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(int(os.environ.get("SEEDS", "20"))))
def test_a_shift_in_which_everything_goes_wrong(
    written: list[Configuration], number: int, chance: int
) -> None:
    played(written, 2.0, chance + number)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    first, again = (command("--seed", "7", "--hours", "0.1", hash_seed=one) for one in "12")
    assert first.returncode == 0
    assert first.stderr == ""
    assert first.stdout == again.stdout
    assert "What held" in first.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--seed", "x"], "write 1"),
        (["--seed", "1", "--faults", "power,fire"], "'fire' is no fault"),
        (["--seed", "1", "--hours", "0"], "write 30"),
        ([], "--seed"),
    ],
)
def test_wrong_usage_says_what_to_write(arguments: list[str], says: str) -> None:
    done = command(*arguments)
    assert done.returncode == 64
    assert says in done.stderr
    assert "Traceback" not in done.stderr


# -- the code is broken, and the judge sees it ----------------------------------------------------


def _no_stop(_floor: Floor, _segment: str, _at_ns: int) -> list[Told]:
    return []


def _forgets(floor: Floor, kept: Any, now_ns: int) -> list[Told]:  # noqa: ANN401
    kept["posts"], kept["segments"] = [], {}
    return RESTORE(floor, kept, now_ns)


def _starts_by_itself(floor: Floor, segment: str, at_ns: int) -> None:
    FREE(floor, segment, at_ns)
    floor.start(segment, at_ns, moves=True)


def _says_twice(telling: Telling, told: Told, at_ns: int) -> None:
    TELL(telling, told, at_ns)
    if told.says == "andon.raised":
        TELL(telling, told, at_ns)


def _says_nothing(telling: Telling, told: Told, at_ns: int) -> None:
    if told.says != "andon.repeated":
        TELL(telling, told, at_ns)


def _shows_green(_andon: Andon, _station: str) -> frozenset[Any]:
    return frozenset({"normal"})


def _too_old(floor: Floor, by_ns: int) -> None:
    SHIFT(floor, by_ns - 10_000_000_000)


def _deaf(andon: Andon, contact: Any, feel: Feel, at_ns: int, wall_ns: int) -> None:  # noqa: ANN401
    if not (feel is Feel.ON and contact.name.startswith("cord")):
        FELT(andon, contact, feel, at_ns, wall_ns)


def _is_over(_segment: Segment, _at_ns: int) -> bool:
    return False


def _is_mute(*_: object, **__: object) -> bool:
    return False


def _anything(*_: object) -> bool:
    return True


def _clears(floor: Floor, trigger: Trigger, station: str, at_ns: int, **more: Any) -> list[Told]:  # noqa: ANN401
    return DO(floor, Trigger.CLEAR if trigger is Trigger.ACK else trigger, station, at_ns, **more)


DO = Floor.do
RESTORE, FREE, TELL = survival.restore, Floor.set_free, Telling.tell
SHIFT, FELT = survival.shift, Andon.felt


@pytest.mark.parametrize(
    ("where", "name", "broken", "rules"),
    [
        (Floor, "fixed", _no_stop, {"stops"}),
        (survival, "restore", _forgets, {"same", "fold", "release"}),
        (Telling, "tell", _says_twice, {"told"}),
        (Telling, "tell", _says_nothing, {"told"}),
        (Andon, "showing", _shows_green, {"light", "green"}),
        (survival, "shift", _too_old, {"time"}),
        (Andon, "felt", _deaf, {"light"}),
        (Segment, "_still_warned", _is_over, {"warned"}),
        (Towers, "_sound", _is_mute, {"heard", "warned"}),
        (Post, "_pull_clears", _anything, {"cancel"}),
        (Floor, "do", _clears, {"invented"}),
        (orders, "may", _anything, {"command"}),
    ],
)
def test_the_judge_sees_what_is_broken(
    written: list[Configuration],
    monkeypatch: pytest.MonkeyPatch,
    where: Any,  # noqa: ANN401
    name: str,
    broken: Callable[..., Any],
    rules: set[str],
) -> None:
    monkeypatch.setattr(where, name, broken)
    with pytest.raises(Broken) as found:
        played(written, 0.3)
    assert found.value.rule in rules
