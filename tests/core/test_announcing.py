"""Connection numbers: never twice within a boot, whatever became of the disk."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.announcing import CONNECTION_NS, Announcer
from edge_agent.settings import load
from tests.kit.line_bench import Bench

CONFIG = """
[agent]
id = "pi-a2"
data_dir = "data"
[broker]
url = "mqtt://127.0.0.1:9"
[site]
base = "acme/plant1/assembly/line3"
[[station]]
id = "A2"
"""


@pytest.fixture
def process(tmp_path: Path, bench: Bench) -> Callable[[], Announcer]:
    """Give what starts the process anew, on the same boot; its disk takes nothing."""
    config = tmp_path / "station.toml"
    config.write_text(CONFIG, "utf-8")
    configuration = load(config, {})
    bench.gate.shut = True

    def start() -> Announcer:
        bench.clock.now_ns += 2 * CONNECTION_NS
        nonce = os.urandom(8).hex()
        return Announcer(
            bench.reactor, configuration, bench.outbox, bench.line, bench.synchrony, nonce
        )

    return start


def test_a_number_does_not_come_again_though_nothing_could_be_written(
    process: Callable[[], Announcer],
) -> None:
    given = [
        announcer.next_connection() for announcer in (process() for _ in range(5)) for _ in range(2)
    ]
    assert given == sorted(set(given))


def test_numbers_fit_into_what_every_json_reader_counts_to(
    process: Callable[[], Announcer], bench: Bench
) -> None:
    bench.clock.now_ns = 100 * 365 * 86_400 * 10**9
    assert process().next_connection() < 1 << 53
