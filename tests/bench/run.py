"""`make bench`: the product, (a) the bare limit and (b) the afternoon's script, side by side.

    make bench                              everything, about ten minutes
    make bench ARGS="--quick"               everything, smaller, three minutes on idle cores
    make bench ARGS="--only burst"          one group; may be given again
    make bench ARGS="--who product,bare"    some of the contenders
    make bench ARGS="--only light --pulls 10000"    half an hour of pulls; `chrt -f 10 make ...` on
                                            a machine with other work, whose waiting is not ours

Each figure is the median with lowest, highest and number of samples; the ratios are of medians of
this run. Nothing outlives the run, Ctrl-C included.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.contenders import ALL, PRODUCT, ROOT
from tests.bench.disk import disk
from tests.bench.faults import backlog, kills, outage
from tests.bench.gauges import fdatasync_us, machine
from tests.bench.labels import labels
from tests.bench.light import light
from tests.bench.report import table
from tests.bench.speed import Run, burst, idle, latency, start
from tests.bench.stand import find_mosquitto
from tests.bench.urgent import urgent

NO_DISK_US = 10
"""Whoever is done with an fdatasync sooner has not written to a disk."""

GROUPS = {
    "light": light,
    "urgent": urgent,
    "labels": labels,
    "latency": latency,
    "burst": burst,
    "start": start,
    "idle": idle,
    "disk": disk,
    "outage": outage,
    "kills": kills,
    "backlog": backlog,
}


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller counts, two to three minutes")
    parser.add_argument("--only", action="append", choices=[*GROUPS], help="one group; repeatable")
    parser.add_argument("--who", default=",".join(c.key for c in ALL), help="%(default)s or some")
    parser.add_argument("--pulls", type=int, default=0, help="of a cord, in each case of the light")
    where = "where data is kept: a disk, not a tmpfs (default: work/ in the tree)"
    parser.add_argument("--folder", type=Path, default=ROOT / "work", help=where)
    return parser.parse_args(argv)


def _terminated(*_: object) -> None:
    raise KeyboardInterrupt


def main(argv: list[str] | None = None) -> int:
    """Run what is asked for and print it; 1 when a target was missed, 130 when interrupted.

    2 without a broker.
    """
    args = _arguments(argv)
    mosquitto = find_mosquitto()
    if mosquitto is None:
        print("the bench needs mosquitto: apt-get install mosquitto", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _terminated)
    args.folder.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=args.folder))
    folder.chmod(0o755)
    try:
        missed = _run_groups(args, folder, mosquitto)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for one in missed:
        print(f"missed: {one}")
    return 1 if missed else 0


def _run_groups(args: argparse.Namespace, folder: Path, mosquitto: str) -> list[str]:
    """Run the groups and print them; gives the targets that were not reached."""
    missed: list[str] = []
    notes: list[str] = []

    def note(text: str) -> None:
        if text not in notes:
            notes.append(text)
            print(f"  ! {text}", flush=True)

    wanted = args.who.split(",")
    run = Run([c for c in ALL if c.key in wanted], folder, args.quick, note, args.pulls)
    print("\n".join(machine(mosquitto)))
    p50_us, p99_us = fdatasync_us(folder)
    print(f"this disk: fdatasync of an overwritten 4 KiB {p50_us:.0f} us p50, {p99_us:.0f} us p99")
    if p50_us < NO_DISK_US:
        note("this folder is no disk (a tmpfs?): choose another with --folder")
    print("cells: median (lowest..highest, n); ratios: edge-agent's median to the rival's")
    for name in args.only or GROUPS:
        began_s = time.monotonic()
        figures = GROUPS[name](run)
        print(table(name, figures), f"\n({time.monotonic() - began_s:.0f} s)", flush=True)
        missed += [
            f"{one.name}: {goal.text}"
            for one in figures
            for goal in one.goals
            if PRODUCT.key in one.medians() and not goal.mark
            if not goal.reached(one.medians())
        ]
    return missed


if __name__ == "__main__":
    sys.exit(main())
