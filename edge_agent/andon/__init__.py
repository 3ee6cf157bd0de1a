"""The andon of this agent: from what contacts feel to lights, stops and events."""

from edge_agent.andon.andon import Andon

__all__ = ["Andon"]
