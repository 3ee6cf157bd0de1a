"""No loss, no invention: whatever happens to broker and network, what was accepted arrives.

The oracle is the scanners' own books: every text that was answered `accepted` arrives under the
id of its answer, nothing arrives that was not scanned, no number is missing without a word.
"""

import json
import os
import random
import select
import time
from pathlib import Path

import pytest

from edge_agent.follower import Ask
from edge_agent.watch import replay_command
from tests.kit.agents import BASE, Agent
from tests.kit.arrivals import Arrivals, judge
from tests.kit.brokers import Mosquitto
from tests.kit.proxy import Proxy

pytestmark = pytest.mark.broker


def scan_until(agent: Agent, count: int) -> None:
    """Load all guns until so many more scans are answered, from all of them together."""
    wanted = sum(len(gun.hear()) for gun in agent.guns) + count

    def enough() -> bool:
        for gun in agent.guns:
            gun.load("L")
        return sum(len(gun.answers) for gun in agent.guns) >= wanted

    agent.until(enough, f"{count} answers")


def come_to_rest(agent: Agent, arrivals: Arrivals) -> None:
    for gun in agent.guns:
        agent.until(
            lambda gun=gun: len(gun.hear()) >= len(gun.made) - gun._forgiven,
            f"all scans of {gun.name} are answered",
        )
    agent.until_empty()
    arrivals.until_texts(a["text"] for gun in agent.guns for a in gun.outcomes("accepted"))


def test_a_broker_that_is_stopped_and_started(
    broker: Mosquitto, arrivals: Arrivals, agent: Agent
) -> None:
    scan_until(agent, 500)
    for _ in range(3):
        broker.stop()
        scan_until(agent, 500)
        broker.start()
        arrivals.connect()
        scan_until(agent, 200)
    come_to_rest(agent, arrivals)
    judge(arrivals, agent.guns)


def test_a_network_that_is_cut_in_the_middle_of_a_packet(
    arrivals: Arrivals, proxy: Proxy, far: Agent, seed: int
) -> None:
    chance = random.Random(seed)
    scan_until(far, 100)
    for _ in range(12):
        before = proxy.connections
        proxy.cut_after(chance.randrange(1, 6000))

        def cut(before: int = before) -> bool:
            for gun in far.guns:
                gun.load("L")
            return proxy.connections > before

        far.until(cut, "it has connected anew")
    proxy.cut_after(None)
    come_to_rest(far, arrivals)
    assert judge(arrivals, far.guns) > 0, "no PUBACK was ever lost: the cuts were too kind"


@pytest.mark.parametrize("how", ["drop", "double", "hold"])
def test_pubacks_that_are_late_twice_or_never(
    arrivals: Arrivals, proxy: Proxy, far: Agent, how: str
) -> None:
    far.until_connected()
    scan_until(far, 100)
    proxy.puback = how
    scan_until(far, 300)
    if how == "double":
        come_to_rest(far, arrivals)
    else:
        far.until_status(lambda said: said["counters"]["events"]["waiting"] > 100, "it waits")
    if how == "hold":
        proxy.release()
    elif how == "drop":
        proxy.puback = "pass"
        proxy.cut()
    come_to_rest(far, arrivals)
    repeats = judge(arrivals, far.guns)
    assert repeats == 0 if how != "drop" else repeats > 0


def test_a_broker_that_hangs_is_left_and_tried_again(
    broker: Mosquitto, arrivals: Arrivals, agent: Agent
) -> None:
    scan_until(agent, 100)
    broker.pause()
    scan_until(agent, 300)
    broker.resume()
    come_to_rest(agent, arrivals)
    judge(arrivals, agent.guns)


def test_fifty_kills_under_load(
    broker: Mosquitto, arrivals: Arrivals, tmp_path: Path, seed: int
) -> None:
    """A third of the kills hits the start, the rest the work; the load never stops."""
    chance = random.Random(seed)
    guns = (("gun-1", "A2"), ("gun-2", "A3"))
    agent = Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}", guns=guns)
    with agent:
        for kill in range(50):
            if kill % 3 == 2:
                _kill_while_starting(agent, chance.uniform(0.05, 0.6))
                continue
            if kill:
                agent.start()
            end = time.monotonic() + chance.uniform(0, 0.35)

            def over(end: float = end) -> bool:
                for gun in agent.guns:
                    gun.load("L")
                return time.monotonic() > end

            agent.until(over, "the load runs")
            agent.kill()
        agent.start()
        come_to_rest(agent, arrivals)
        repeats = judge(arrivals, agent.guns)
        accepted = sum(len(gun.outcomes("accepted")) for gun in agent.guns)
        print(f"{accepted} accepted, {repeats} repeats")
        assert accepted > 1000
        status = agent.status()["counters"]["events"]
        assert status["stored"] == sum(status[k] for k in status if k != "stored")


def _kill_while_starting(agent: Agent, after_s: float) -> None:
    starting = agent.spawn()
    end = time.monotonic() + after_s
    pidfd = os.pidfd_open(starting.pid)
    while time.monotonic() < end:
        for gun in agent.guns:
            gun.load("L")
        gone, _, _ = select.select([pidfd], [], [], 0.005)
        assert not gone, "it ended by itself"
    os.close(pidfd)
    starting.kill()
    starting.wait()
    for gun in agent.guns:
        gun.forgive()


def test_a_broker_killed_with_its_memory_and_a_subscriber_that_asks_again(
    broker: Mosquitto, arrivals: Arrivals, agent: Agent
) -> None:
    scan_until(agent, 200)
    agent.until_empty()
    arrivals.leave()  # it hears none of what comes now
    scan_until(agent, 300)
    agent.until_empty()
    broker.kill()  # ... and the broker, which has acknowledged it all, forgets it
    scan_until(agent, 100)
    broker.start()
    arrivals.connect()
    agent.until_connected()
    scan_until(agent, 100)
    agent.until_empty()
    heard = {event["id"] for event in arrivals.events()}
    accepted = [a for gun in agent.guns for a in gun.outcomes("accepted")]
    assert any(a["id"] not in heard for a in accepted), "nothing was lost: nothing is tested"
    status = agent.status()
    epoch, last = status["journal"]["epoch"], status["journal"]["last_seq"]
    ask = Ask(agent.id, epoch, None, 1, last, 1)
    online = arrivals.until_heard(lambda _, said: said.get("state") == "online", "it is online")
    order = replay_command(ask, "/test", "tester", nonce=online.read()["nonce"], wall_ns=0)
    topic = f"{BASE}/agent/{agent.id}/cmd/replay"
    arrivals.publish(topic, json.dumps(order).encode())
    arrivals.until_heard(lambda where, _: where == f"{topic}/result", "the replay is answered")
    come_to_rest(agent, arrivals)
    judge(arrivals, agent.guns, replayed=True)
    counters = agent.status()["counters"]
    assert counters["replayed"] >= last - 200
    assert counters["events"]["stored"] == counters["events"]["acknowledged"]
