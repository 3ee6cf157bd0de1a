"""Makes `edge_agent/labels/mh10_dictionary.py` of the MH10.8.2 data identifiers.

Run it as `python -m tests.labels.derive_mh10 FOLDER`, where their list lies in FOLDER.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "edge_agent" / "labels" / "mh10_dictionary.py"
SOURCE = "mh10-data-identifiers.json"
COLUMNS = 300
HEAD = '''"""The data identifiers of ANSI MH10.8.2 and their titles. Facts, no code.

Made by `tests/labels/derive_mh10.py` of the list in Solidsoft-Reply's MH10.8.2 parser (Apache-2.0).
The standard itself is not free, and partners agree on other meanings of some.
"""

# ruff: noqa: E501
from typing import Final

TITLES: Final = """\\
'''


def entries(said: str) -> list[str]:
    """Give each identifier with its title, in the order of letter and number."""
    found = {
        one["di"]: " ".join(one["title"].split()).lower()
        for one in json.loads(said)
        if re.fullmatch(r"\d{0,3}[A-Z]", one["di"])
    }
    ordered = sorted(found, key=lambda di: (di[-1], int(di[:-1] or 0)))
    return [f"{di}={found[di].replace(';', ',').replace('=', '-')}" for di in ordered]


def module(said: str) -> str:
    """Write the module."""
    lines, line = [], ""
    for one in entries(said):
        if line and len(line) + len(one) > COLUMNS:
            lines.append(line)
            line = ""
        line += f"{one};"
    return HEAD + "\n".join([*lines, line]) + '\n"""\n'


if __name__ == "__main__":
    MODULE.write_text(module((Path(sys.argv[1]) / SOURCE).read_text("utf-8")), "utf-8")
