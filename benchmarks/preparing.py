"""From a spreadsheet to queued rows: import, check (render, check, stage), send (queue)."""

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import ground
from benchmarks.figures import Figure, beside, rate
from benchmarks.fresh import Measured, measured
from benchmarks.plain import render_bare

STEPS = ("import", "check", "send")
_SMALL, _LARGE = 10_000, 100_000


def from_csv(repeat: int, *, quick: bool) -> list[Figure]:
    """Preparing from .csv: speed, and memory that does not grow with the rows."""
    figures: list[Figure] = []
    peaks = {}
    for rows in (_SMALL,) if quick else (_SMALL, _LARGE):
        best = _best(rows, ".csv", repeat)
        bare = _bare(rows, repeat)
        figures += _speeds(best, rows, "CSV", bare)
        peaks[rows] = best.peak, best.peak_children
        figures.append(Figure(f"peak memory, {rows:,}", best.peak / 2**20, "MB"))
        figures.append(Figure(f"peak memory of the rendering child, {rows:,}", best.peak_children / 2**20, "MB"))
    if not quick:
        for place, whose in enumerate(("", " of the rendering child")):
            ratio = peaks[_LARGE][place] / max(1, peaks[_SMALL][place])
            what = f"peak memory{whose}, {_LARGE:,} : {_SMALL:,}"
            figures.append(Figure(what, ratio, "times", target=1.2, at_most=True))
    return figures


def from_xlsx(repeat: int, *, quick: bool) -> list[Figure]:
    """Preparing from .xlsx."""
    best = _best(_SMALL, ".xlsx", repeat)
    return [
        *_speeds(best, _SMALL, "xlsx"),
        Figure(f"peak memory, {_SMALL:,} from xlsx", best.peak / 2**20, "MB"),
    ]


def prepare(folder: str, sheet: str, rows: int, transport: str = "relay") -> dict[str, Any]:
    """Seconds of each step, in a new workspace `folder`; leaves a queued campaign there."""
    from campaigns.actions.check import check
    from campaigns.actions.create import create
    from campaigns.actions.desk import open_desk
    from campaigns.actions.import_list import import_list
    from campaigns.actions.send import send

    seconds = {}
    with open_desk(ground.new_workspace(Path(folder)), "benchmark") as desk:
        began = time.perf_counter()
        import_list(desk, Path(sheet), ground.LIST)
        seconds["import"] = time.perf_counter() - began
        create(desk, ground.CAMPAIGN, template=ground.TEMPLATE, list_name=ground.LIST, transport=transport)
        began = time.perf_counter()
        found = check(desk, ground.CAMPAIGN)
        seconds["check"] = time.perf_counter() - began
        assert found.ready > 0.98 * rows, found
        began = time.perf_counter()
        queued = send(desk, ground.CAMPAIGN, confirm=lambda _found: True)
        seconds["send"] = time.perf_counter() - began
    return {"seconds": seconds, "queued": queued.queued}


def _best(rows: int, ending: str, repeat: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / f"people{ending}"
        ground.write_sheet(sheet, rows)
        runs = [measured(prepare, folder=f"{folder}/{run}", sheet=str(sheet), rows=rows) for run in range(repeat)]
    return min(runs, key=_seconds)


def _bare(rows: int, repeat: int) -> Figure:
    seconds = min(measured(render_bare, rows=rows).told["seconds"] for _ in range(repeat))
    return rate(f"bare Jinja, one render a row, {rows:,}", rows, seconds)


def _seconds(best: Measured) -> float:
    return float(sum(best.told["seconds"].values()))


def _speeds(best: Measured, rows: int, kind: str, bare: Figure | None = None) -> list[Figure]:
    """Each step's rate, and that of all together."""
    steps = {step: rate(f"{step}, {rows:,} from {kind}", rows, best.told["seconds"][step]) for step in STEPS}
    if bare:
        steps["check"] = beside(steps["check"], bare)
    targets: dict[str, Any] = {"target": 12_000, "goal": 20_000} if kind == "CSV" else {}
    together = rate(f"preparing, {rows:,} from {kind}", rows, _seconds(best), **targets)
    return [*([bare] if bare else []), *steps.values(), together]
