"""The uplink: committed events to the broker, commands from it; the only home of paho.

The event lane is ours from queue to PUBACK (`window`, `packets`, `stream`); paho keeps the
session: CONNECT, SUBSCRIBE, incoming messages, keep-alive, DISCONNECT (`session`).
"""

from edge_agent.uplink.connection import Hooks
from edge_agent.uplink.uplink import Uplink

__all__ = ["Hooks", "Uplink"]
