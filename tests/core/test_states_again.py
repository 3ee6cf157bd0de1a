"""What is retained of stations and segments is said again before it is too old to be believed."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from edge_agent.announcing import STATE_NS, Announcer
from edge_agent.wire import messages
from tests.kit.floor_bench import LINE, FloorBench


class Said:
    """An uplink that writes down when each topic was said."""

    def __init__(self, bench: FloorBench) -> None:
        self.bench = bench
        self.times: dict[str, list[float]] = {}

    def publish_state(self, topic: str, payload: bytes) -> bool:
        assert payload
        self.times.setdefault(topic, []).append(self.bench.at_s())
        return True

    def publish_status(self) -> None:
        self.publish_state("status", b"{}")


def test_every_state_is_said_again_while_it_is_believed(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    announcer: Any = Announcer(
        bench.reactor, LINE, bench.outbox, bench.line, bench.synchrony, "nonce"
    )
    said = announcer.uplink = Said(bench)
    announcer.andon = bench.andon
    announcer.publish_health = lambda: None
    announcer._all_conditions = dict
    announcer.begin({})
    bench.pull("cord-A2", 10.0)
    bench.at(400.0)
    segment = f"{announcer._topics.segment_state('SEG-A')}"
    andon = announcer._topics.state("A2", "andon")
    assert {segment, andon, announcer._topics.state("A1", "info")} <= said.times.keys()
    for topic, times in said.times.items():
        apart = [after - before for before, after in pairwise(times)]
        assert max(apart) <= messages.VALID_S, topic
        assert times[-1] > 400.0 - STATE_NS / 1e9 - 1, topic
