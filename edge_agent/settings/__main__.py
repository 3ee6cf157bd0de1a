"""The validator as a process: a configuration's path in, its wire form or its problems out."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from edge_agent.configuration import BadConfiguration, to_wire
from edge_agent.settings import load

EXIT_BAD: Final = 78
EXIT_USAGE: Final = 64


def main(arguments: list[str]) -> int:
    """Validate the file named, or write the JSON Schema into the file named after --schema."""
    match arguments:
        case ["--schema", path]:
            from edge_agent.settings.schema import schema_text

            Path(path).write_text(schema_text(), "utf-8")
        case ["--", path]:
            return _validate(Path(path))
        case [path] if not path.startswith("-"):
            return _validate(Path(path))
        case _:
            sys.stderr.write("usage: python -m edge_agent.settings CONFIG | --schema FILE\n")
            return EXIT_USAGE
    return 0


def _validate(path: Path) -> int:
    try:
        wire = to_wire(load(path, os.environ))
    except BadConfiguration as bad:
        for problem in bad.problems:
            sys.stdout.write(json.dumps(asdict(problem)) + "\n")
        return EXIT_BAD
    sys.stdout.buffer.write(wire)
    return 0


def entry() -> int:
    """Be the process; one whose answer nobody awaits any more ends without a word."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(entry())
