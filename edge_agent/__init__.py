"""The agent at the side of the line: from the reader's bytes to the broker's acknowledgement."""

__version__ = "0.1.0"
