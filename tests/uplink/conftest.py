"""Brokers for the tests of this room: one mosquitto for all that only need a plain one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.brokers import MOSQUITTO, Mosquitto
from tests.kit.proxy import Proxy


@pytest.fixture(scope="session")
def plain_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """Run a mosquitto that takes everybody; nobody may stop it."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto(tmp_path_factory.mktemp("plain")) as broker:
        yield broker


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Give a mosquitto of this test's own, not yet started; to be stopped and killed."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    broker = Mosquitto(tmp_path / "broker")
    yield broker
    broker.kill()


@pytest.fixture
def proxy(plain_broker: Mosquitto) -> Iterator[Proxy]:
    with Proxy(plain_broker.port) as between:
        yield between
