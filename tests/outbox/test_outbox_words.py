"""What is shown of the outbox: what waits, what is set aside, and by which numbers."""

from collections.abc import Callable

from edge_agent.outbox_words import outbox_answers
from edge_agent.records import NORMAL, SALVAGED, URGENT
from edge_agent.wire import payload as wire
from tests.kit.line_bench import Bench

Keep = Callable[[Bench], Bench]


def scans(bench: Bench, count: int) -> None:
    for number in range(count):
        assert bench.scan(b"K-%d" % number)


def test_what_is_salvaged_is_shown_by_its_own_numbers_until_it_is_acknowledged(
    bench: Bench, keep: Keep
) -> None:
    scans(bench, 10)
    bench.turn()
    bench.connect()
    for entry in bench.carrier.handed[NORMAL][:7]:  # these are taken over as acknowledged
        bench.outbox.dispatch.acknowledged(NORMAL, entry.seq)
    bench.scan(b"carries the cursor")
    bench.turn()
    epoch = bench.outbox.epoch
    into = bench.data_dir
    bench.close()
    (into / "journal").rename(into / "corrupt-1")
    found = keep(Bench(into, bench.clock))
    found.connect()
    handed = found.carrier.handed[SALVAGED]
    assert len(handed) == 5
    scans(found, 20)
    found.turn()
    for lane in (NORMAL, URGENT):
        for entry in found.carrier.handed[lane]:
            found.outbox.dispatch.acknowledged(lane, entry.seq)
    found.outbox.dispatch.acknowledged(SALVAGED, handed[0].seq)
    found.outbox.dispatch.set_aside(SALVAGED, handed[1].seq, "oversize")
    found.turn()
    pages: list[dict[str, object]] = []
    outbox_answers(found.outbox, ["list"], None, lambda lines, _: pages.extend(lines))
    found.turn()
    own = [int(wire.event_id(entry.payload).partition("-")[2]) for entry in handed]
    shown = [line for line in pages if line["lane"] == "salvaged"]
    assert [line["seq"] for line in shown] == own[1:]
    assert {line["epoch"] for line in shown} == {epoch}
    assert [line["state"] for line in shown] == ["set_aside", *["waiting"] * 3]
    assert shown[0]["reason"] == "oversize"
    lines: list[dict[str, object]] = []
    outbox_answers(found.outbox, ["show", str(own[2])], None, lambda page, _: lines.extend(page))
    found.turn()
    assert [(line.get("epoch"), line["seq"], line["lane"]) for line in lines] == [
        (epoch, own[2], "salvaged"),
        (None, own[2], "normal"),
    ]
    assert all("event" in line for line in lines)
