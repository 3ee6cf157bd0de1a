"""A line to look at: a broker, real agents with simulated scanners, people, and a ledger."""
