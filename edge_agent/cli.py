"""The commands: thin, each imports what only it needs."""

import argparse
import errno
import io
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from edge_agent import __version__

OK: Final = 0
ERRORS: Final = 2
NOT_RUNNING: Final = 3
USAGE: Final = 64
OUTPUT: Final = 74
TEMPORARY: Final = 75
BAD_CONFIGURATION: Final = 78

ASK_TIMEOUT_S: Final = 10.0
"""How long a command waits for the running agent's answer."""


_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a file says that takes no more output."""


class _Parser(argparse.ArgumentParser):
    """Wrong usage exits 64."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone: nothing is left to say
        _say_no_more()
        return OK
    except OSError as error:
        if error.filename is not None or error.errno not in _FULL:
            raise
        _say_no_more()
        sys.stderr.write(f"edge-agent: the output cannot be written: {error.strerror}; make room\n")
        return OUTPUT
    return code


def _say_no_more() -> None:
    """Throw away what is still to be written, or the interpreter would try it once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="edge-agent", description="The agent at the side of the line.")
    parser.add_argument("--version", action="version", version=f"edge-agent {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name: str, run: object, what: str, *, config: bool = True) -> _Parser:
        made: _Parser = commands.add_parser(name, help=what, description=what)
        made.set_defaults(run=run)
        if config:
            made.add_argument("config", type=Path, metavar="CONFIG")
        return made

    command("run", _run, "the agent in the foreground")
    command("check", _check, "say what is wrong with a configuration, touching no device")
    demo = command("demo", _demo, "a simulated line on a real broker, live", config=False)
    demo.add_argument("--seconds", type=_positive, help="end after so long")
    demo.add_argument("--port", type=_port, help="the broker's port (default: a free one)")
    demo.add_argument("--speed", type=_positive, default=1.0, help="how busy the people are")
    play = command(
        "simulate", _simulate, "whole shifts of that line, as fast as it runs", config=False
    )
    play.add_argument("--seed", type=_seed, required=True, help="decides everything that happens")
    play.add_argument("--hours", type=_positive, default=8.0, help="how long (default: a shift)")
    play.add_argument("--faults", type=_faults, metavar="LIST", help="what goes wrong, or none")
    status = command("status", _status, "counters and states of the running agent")
    status.add_argument("--json", action="store_true")
    doctor = command("doctor", _doctor, "what goes wrong in plants, looked at, with remedies")
    doctor.add_argument("--json", action="store_true")
    outbox = command("outbox", _outbox, "what is waiting, set aside or kept, as JSON lines")
    outbox.add_argument("what", choices=("list", "show", "export"), metavar="list|show|export")
    outbox.add_argument("seq", nargs="?", type=_seq, metavar="SEQ", help="the event to show")
    decode = command("decode", _decode, "say what a label or a tag is", config=False)
    decode.add_argument("text", nargs="*", metavar="TEXT", help="none: lines of standard input")
    decode.add_argument("--config", type=Path, metavar="CONFIG", help="whose layouts to know")
    decode.add_argument("--jsonl", action="store_true", help="JSON objects in, JSON objects out")
    watch = command("watch", _watch, "follow the broker's topics of the whole base")
    watch.add_argument("--json", action="store_true")
    schema = command("schema", _schema, "the AsyncAPI document of every message", config=False)
    schema.add_argument("--config", action="store_true", help="the configuration's JSON Schema")
    command("safe-outputs", _safe_outputs, "put every output into its safe state")
    return parser


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e9:  # noqa: PLR2004 - thirty years
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0; write 30 or 0.5")
    return number


def _whole(text: str, limit: int, example: str) -> int:
    # not int() alone: it takes "1_0", and digits that nobody types
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if not 0 < number <= limit:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {limit}; {example}")
    return number


def _port(text: str) -> int:
    return _whole(text, 65_535, "write 1883, or leave it out for a free one")


def _seq(text: str) -> int:
    return _whole(text, 999_999_999_999, "`outbox CONFIG list` shows those that there are")


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:  # noqa: PLR2004 - 64 bits
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 18 digits; write 1")
    return int(text)


def _faults(text: str) -> tuple[str, ...]:
    from edge_agent.simulation.faults import FAULTS

    wanted = tuple(one for one in text.split(",") if one and text != "none")
    for one in wanted:
        if one not in FAULTS:
            known = ",".join(FAULTS)
            raise argparse.ArgumentTypeError(f"{one!r} is no fault; write some of {known}, or none")
    return tuple(one for one in FAULTS if one in wanted)


# -- run ---------------------------------------------------------------------------------------


def _run(parsed: argparse.Namespace) -> int:
    from edge_agent.running import run

    code = run(parsed.config, os.environ)
    sys.stderr.flush()
    # SQLite would remove the WAL when its connection is collected, and growing it again costs
    # 4 MB of the card's life at the next start; nothing else is left to do here
    os._exit(code)


# -- the others --------------------------------------------------------------------------------


def _check(parsed: argparse.Namespace) -> int:
    from edge_agent.configuration import BadConfiguration
    from edge_agent.settings import load

    try:
        configuration = load(parsed.config, os.environ)
    except BadConfiguration as bad:
        for problem in bad.problems:
            print(problem)
        return ERRORS
    devices, stations = len(configuration.devices), len(configuration.stations)
    print(f"{parsed.config}: good: {stations} stations, {devices} devices")
    return OK


def _demo(parsed: argparse.Namespace) -> int:
    from edge_agent.demo.play import play
    from edge_agent.demo.show import Wish

    return play(Wish(parsed.seconds, parsed.port, parsed.speed))


def _simulate(parsed: argparse.Namespace) -> int:
    from edge_agent.simulation import FAULTS, Simulation, simulate

    faults = tuple(FAULTS) if parsed.faults is None else parsed.faults
    return simulate(Simulation(parsed.seed, parsed.hours, faults))


def _status(parsed: argparse.Namespace) -> int:
    from edge_agent.asking import status

    return status(parsed.config, os.environ, as_json=parsed.json)


def _doctor(parsed: argparse.Namespace) -> int:
    from edge_agent.asking import loaded

    configuration = loaded(parsed.config, os.environ)
    if configuration is None:
        return BAD_CONFIGURATION
    from edge_agent.doctor.examination import doctor

    return doctor(parsed.config, configuration, as_json=parsed.json)


def _outbox(parsed: argparse.Namespace) -> int:
    from edge_agent.asking import outbox

    if (parsed.what == "show") != (parsed.seq is not None):
        sys.stderr.write("edge-agent outbox: `show` takes a SEQ, `list` and `export` do not\n")
        return USAGE
    question = parsed.what if parsed.seq is None else f"show {parsed.seq}"
    return outbox(parsed.config, os.environ, question)


def _watch(parsed: argparse.Namespace) -> int:
    from edge_agent.asking import loaded
    from edge_agent.watch import watch

    configuration = loaded(parsed.config, os.environ)
    if configuration is None:
        return BAD_CONFIGURATION
    return watch(configuration, parsed.json, sys.stdout)


def _schema(parsed: argparse.Namespace) -> int:
    if parsed.config:
        from edge_agent.settings import json_schema as document
    else:
        from edge_agent.wire.asyncapi import document
    print(json.dumps(document(), indent=2, ensure_ascii=False))
    return OK


def _decode(parsed: argparse.Namespace) -> int:
    from edge_agent.decoding import answers, described
    from edge_agent.labels.decoder import Decoder
    from edge_agent.labels.layout import Layout

    layouts: tuple[Layout, ...] = ()
    if parsed.config is not None:
        from edge_agent.asking import loaded

        configuration = loaded(parsed.config, os.environ)
        if configuration is None:
            return BAD_CONFIGURATION
        layouts = configuration.layouts
    decoder = Decoder(layouts)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    lines = parsed.text or (line.rstrip("\n") for line in sys.stdin)
    if parsed.jsonl:
        for answer in answers(decoder, lines):
            print(answer, flush=True)
        return OK
    for text in lines:
        for line in described(decoder.text(text)):
            print(line)
    return OK


def _safe_outputs(parsed: argparse.Namespace) -> int:
    import drivers
    from edge_agent.asking import loaded

    configuration = loaded(parsed.config, os.environ)
    if configuration is None:
        return BAD_CONFIGURATION
    outputs = [
        (device, make_safe)
        for device in configuration.devices
        if (make_safe := getattr(drivers.load(device.kind), "make_safe", None)) is not None
    ]
    code = OK
    for device, make_safe in outputs:
        troubles = [f"{one.why}; {one.remedy}" for one in make_safe(device.keys) or ()]
        for words in dict.fromkeys(troubles):
            code = ERRORS
            sys.stderr.write(f"{device.name}: {words}\n")
        if not troubles:
            print(f"{device.name}: safe")
    if not outputs:
        print("no outputs are configured")
    return code


def entry() -> NoReturn:
    """Be the console script; what it prints is UTF-8, whatever the locale: JSON is."""
    try:
        _fill_standard_files()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for file in (sys.stdout, sys.stderr):
            if isinstance(file, io.TextIOWrapper):
                file.reconfigure(encoding="utf-8", errors="backslashreplace")
        sys.exit(main())
    except KeyboardInterrupt:  # tidied up behind us; now end as a shell expects it of a Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        sys.exit(128 + signal.SIGINT)


def _fill_standard_files() -> None:
    """Open what the caller has closed: a FIFO of ours that got number 2 would be sent our log."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - stderr
        os.set_inheritable(fd, True)
    os.close(fd)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
