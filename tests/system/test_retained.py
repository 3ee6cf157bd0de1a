"""What is retained holds only what is true now: also after a station went with a restart."""

import signal

from tests.kit.agents import BASE, Agent
from tests.kit.brokers import Mosquitto
from tests.uplink.rig import Audience

INFO = {station: f"{BASE}/{station}/state/info" for station in ("A2", "A3")}
STATUS = f"{BASE}/agent/pi-a2/status"


def retained(port: int) -> set[str]:
    """Give the topics on which something of the base is retained now."""
    with Audience(port) as late:
        late.until(lambda: any(one.topic == STATUS for one in late.messages), "a status")
        late.publish(f"{BASE}/marker", b"x")
        late.until(lambda: any(one.topic == f"{BASE}/marker" for one in late.messages), "marker")
        return {one.topic for one in late.messages if one.retain}


def emptied(audience: Audience, topic: str) -> None:
    audience.until(
        lambda: any(one.topic == topic and not one.payload for one in audience.messages),
        f"{topic} cleared",
    )


def told(audience: Audience, topic: str) -> None:
    audience.until(
        lambda: any(one.topic == topic and one.payload for one in audience.messages), topic
    )


def test_a_station_that_went_with_a_restart_leaves_nothing_behind(
    broker: Mosquitto, agent: Agent
) -> None:
    with Audience(broker.port) as audience:
        for topic in INFO.values():
            told(audience, topic)
        agent.stop()
        agent.guns.pop().close()
        agent.write()
        agent.start()
        emptied(audience, INFO["A3"])
    agent.until_empty()
    assert INFO["A2"] in retained(broker.port)
    assert INFO["A3"] not in retained(broker.port)


def test_it_is_cleared_at_the_first_connection_there_is_whatever_ends_the_runs_before(
    broker: Mosquitto, agent: Agent
) -> None:
    with Audience(broker.port) as audience:
        for topic in INFO.values():
            told(audience, topic)
    agent.kill()
    agent.guns.pop().close()
    port, agent.url = agent.url, "mqtt://127.0.0.1:9"  # a run that never meets the broker
    agent.write()
    agent.start()
    agent.kill()
    agent.url = port
    agent.write()
    with Audience(broker.port) as audience:
        agent.start()
        emptied(audience, INFO["A3"])
        agent.until_empty()
        agent.end(signal.SIGTERM)
        seen = len([one for one in audience.messages if one.topic == INFO["A3"] and not one.retain])
        agent.start()
        agent.until_connected()
        agent.until_empty()
        again = [one for one in audience.messages if one.topic == INFO["A3"] and not one.retain]
        assert len(again) == seen, "cleared at every start"


def test_an_agent_of_another_name_leaves_no_status_of_the_old_one(
    broker: Mosquitto, agent: Agent
) -> None:
    with Audience(broker.port) as audience:
        told(audience, STATUS)
        agent.stop()
        agent.id = "pi-new"
        agent.write()
        agent.start()
        emptied(audience, STATUS)
