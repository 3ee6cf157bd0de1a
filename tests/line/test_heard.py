"""Who scans his badge is heard, whatever becomes of the scan."""

from edge_agent.records import DiskTrouble
from tests.kit.line_bench import Bench


def test_whoever_scans_his_badge_is_heard_also_when_the_journal_has_no_room(bench: Bench) -> None:
    heard: list[tuple[str, str]] = []

    def scanned(station: str, text: str, _at_ns: int) -> bool:
        heard.append((station, text))
        return True

    bench.line.scanned = scanned
    bench.scan(b"E:1007")
    bench.line.scanned, bench.line.heard = None, scanned  # what is refused is no part
    bench.outbox.troubled(DiskTrouble("full", "no space", "free some"))
    bench.scan(b"]C0E:1008")
    assert [text for _, text in heard] == ["E:1007", "E:1008"]
    assert {station for station, _ in heard} == {bench.gun.station}
