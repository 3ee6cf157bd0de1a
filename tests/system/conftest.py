"""What every test of whole agents stands on: a broker, a subscriber, an agent between them."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import small_disks
from tests.kit.agents import Agent
from tests.kit.arrivals import Arrivals
from tests.kit.brokers import MOSQUITTO, Mosquitto
from tests.kit.proxy import Proxy


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed; amqtt keeps no session over its end")
    with Mosquitto(tmp_path / "broker", persistent=True) as made:
        yield made


@pytest.fixture
def proxy(broker: Mosquitto) -> Iterator[Proxy]:
    with Proxy(broker.port) as made:
        yield made


@pytest.fixture
def arrivals(broker: Mosquitto) -> Iterator[Arrivals]:
    with Arrivals(broker.port) as made:
        yield made


@pytest.fixture
def agent(tmp_path: Path, broker: Mosquitto) -> Iterator[Agent]:
    """Give an agent of two stations, started, its broker directly before it."""
    guns = (("gun-1", "A2"), ("gun-2", "A3"))
    with Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}", guns=guns) as made:
        yield made


@pytest.fixture
def far(tmp_path: Path, proxy: Proxy) -> Iterator[Agent]:
    """Give an agent of two stations, started, with the proxy between it and its broker."""
    guns = (("gun-1", "A2"), ("gun-2", "A3"))
    with Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{proxy.port}", guns=guns) as made:
        yield made


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disks.small_disk(tmp_path / "disk") as folder:
        yield folder


@pytest.fixture
def seed() -> int:
    made = random.SystemRandom().randrange(1 << 32)
    print(f"seed: {made}")
    return made
