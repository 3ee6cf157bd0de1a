"""`edge-agent doctor`: what goes wrong in plants, looked at, each with its remedy.

Probing and judging are apart: what a probe brings is a plain value, and a pure function says how
bad that is. Nothing here disturbs a running agent: it is asked, and its devices, its journal and
its disk are left alone.
"""
