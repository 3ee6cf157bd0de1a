"""Makes `edge_agent/labels/gs1_dictionary.py` of the GS1 syntax dictionary.

Run it as `python -m tests.labels.derive_gs1 FOLDER`, where the dictionary lies in FOLDER.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "edge_agent" / "labels" / "gs1_dictionary.py"
SOURCE = "gs1-syntax-dictionary.txt"
HEAD = '''"""Every GS1 application identifier: its format, what it needs, its title. Facts, no code.

Made by `tests/labels/derive_gs1.py` of the GS1 syntax dictionary (gs1/gs1-syntax-dictionary
ff2eb4b of 2026-07-27, Apache-2.0, GS1 AISBL). A line is `AIs|flags|parts|attributes|title`:

- flags: `*` no separator follows it; `?` it may be in the query of a Digital Link;
- parts: `N` digits, `X` 82 characters, `Y` 39, `Z` base64url; `N5` five, `X..20` up to twenty; then
  the checks of the part; `[..]` may be left out;
- attributes: `req=` one of these with it, `ex=` none of these, `dlpkey=` key of a Digital Link.
"""

# ruff: noqa: E501
from typing import Final

ENTRIES: Final = """\\
'''


def lines(dictionary: str) -> list[str]:
    """Give the entries, one line each."""
    found = []
    for line in dictionary.splitlines():
        said, _, title = line.partition("#")
        words = said.split()
        if not words:
            continue
        numbers, *rest = words
        flags = rest.pop(0) if rest[0][0] in "*?" else ""
        cut = next((at for at, one in enumerate(rest) if one[0].islower()), len(rest))
        parts, attributes = " ".join(rest[:cut]), " ".join(rest[cut:])
        found.append("|".join((numbers, flags, parts, attributes.replace("|", "/"), title.strip())))
    return found


def module(dictionary: str) -> str:
    """Write the module."""
    return HEAD + "\n".join(lines(dictionary)) + '\n"""\n'


if __name__ == "__main__":
    MODULE.write_text(module((Path(sys.argv[1]) / SOURCE).read_text("utf-8")), "utf-8")
