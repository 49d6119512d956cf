"""`make bench`: every measure in one run, as a table of ratios and as JSON in `benchmarks/out/`."""

import argparse
import sys
from collections.abc import Callable

from benchmarks import dispatching, peers, planned, preparing, scale, timed
from benchmarks.figures import Figure, keep, machine, show, skipped

BENCHMARKS: dict[str, Callable[..., list[Figure]]] = {
    "csv": preparing.from_csv,
    "xlsx": preparing.from_xlsx,
    "million": preparing.a_million,
    "smtp": dispatching.smtp,
    "sendgrid": dispatching.sendgrid,
    "maildir": dispatching.maildir,
    "far": dispatching.far,
    "wires": dispatching.wires,
    "queued": scale.long_queue,
    "peers": peers.smtp_peers,
    "sdk": peers.sendgrid_peer,
    "starts": timed.starts,
    "zones": timed.zones,
    "throttled": timed.throttled,
    "paced": timed.paced,
    "plans": planned.plans,
}


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="NAME", help=", ".join(BENCHMARKS))
    options.add_argument("--quick", action="store_true", help="10,000 recipients only")
    options.add_argument("--repeat", type=int, default=3, help="the best of so many runs (3)")
    options.add_argument("--assert", action="store_true", dest="must", help="exit status 1 when a target is missed")
    given = options.parse_args()

    began = machine()
    figures: list[Figure] = []
    for name in given.names or BENCHMARKS:
        print(f"{name}: {(BENCHMARKS[name].__doc__ or '').strip()}", file=sys.stderr)
        try:
            figures += BENCHMARKS[name](given.repeat, quick=given.quick)
        except Exception as error:  # the other figures are worth their time all the same
            figures.append(skipped(name, f"failed: {error}"))
    show(figures, began, given.repeat)
    print(f"\n{keep(figures, began, given.repeat)}")
    failed = any(figure.reached is False or figure.skipped.startswith("failed") for figure in figures)
    return 1 if given.must and failed else 0


if __name__ == "__main__":
    sys.exit(main())
