"""The journal: every event on the disk before anybody is told that it was accepted."""
