"""Training through the broker: what a station makes in it says so, also after a power cut.

Every message that the broker was given meanwhile is held against its published model.
"""

import json
from typing import Any

from edge_agent.wire.topics import Topics
from tests.kit.agents import BASE, Agent
from tests.kit.brokers import Mosquitto
from tests.kit.oracle import checked
from tests.uplink.rig import Audience

TOPICS = Topics(BASE)
STATUS = TOPICS.status("pi-a2")
TRAINING = TOPICS.station_command("A2", "leader", "training")


def nonce(audience: Audience) -> str:
    """Give the nonce of the run that is there."""
    said: list[dict[str, Any]] = []

    def heard() -> bool:
        told = [one.payload for one in audience.messages if one.topic == STATUS and one.payload]
        said[:] = [one for one in map(json.loads, told) if one["state"] == "online"]
        return bool(said)

    audience.until(heard, "a status")
    return str(said[-1]["nonce"])


def ask(audience: Audience, number: int, topic: str, **data: object) -> dict[str, Any]:
    """Ask something of the line, and give the result."""
    order = {
        "specversion": "1.0",
        "id": f"c-{number}",
        "type": f"cmd.{topic.rpartition('/')[2]}",
        "source": "/board",
        "nonce": nonce(audience),
        "data": {"actor": "L. Weber"} | data,
    }
    audience.publish(topic, json.dumps(order).encode())
    results: list[dict[str, Any]] = []

    def answered() -> bool:
        told = [one.payload for one in audience.messages if one.topic == TOPICS.result(topic)]
        results[:] = [one for one in map(json.loads, told) if one["id"] == order["id"]]
        return bool(results)

    audience.until(answered, f"the result of {order['type']}")
    return results[0]


def test_training_marks_scans_over_a_power_cut_until_it_ends(
    broker: Mosquitto, agent: Agent
) -> None:
    with Audience(broker.port) as audience:
        assert ask(audience, 1, TRAINING, on=True)["outcome"] == "done"
        agent.gun.scan("T-1")
        agent.guns[1].scan("M-1")
        for gun in agent.guns:
            agent.until_answered(gun)
        agent.kill()
        before = audience.messages[:]
        audience.messages.clear()  # the next nonce is of the next run
        agent.start()
        agent.gun.scan("T-2")
        agent.until_answered()
        assert ask(audience, 2, TRAINING, on=False)["outcome"] == "done"
        refused = ask(
            audience, 3, TOPICS.station_command("A2", "operator", "ack"), call="x-000000000001"
        )
        assert (refused["reason"], refused["call"]) == ("not_allowed", "x-000000000001")
        agent.gun.scan("M-2")
        agent.until_answered()
        agent.until_empty()
        heard = [one for one in (*before, *audience.messages) if one.payload]
    events = [checked(one.payload, one.topic, TOPICS) for one in heard]
    marks = {
        said["data"]["text"]: said.get("training")
        for said in events
        if said.get("type") == "scan.read"
    }
    assert marks == {"T-1": True, "M-1": None, "T-2": True, "M-2": None}
