"""From a spreadsheet to queued rows: import, check (render, check, stage), send (queue)."""

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import ground
from benchmarks.figures import Figure, beside, rate
from benchmarks.fresh import Measured, measured
from benchmarks.plain import read_by_openpyxl, render_bare

STEPS = ("import", "check", "send")
_SMALL, _LARGE, _HUGE = 10_000, 100_000, 1_000_000
_TARGETS = {("CSV", _SMALL): 12_000, ("CSV", _LARGE): 20_000, ("xlsx", _LARGE): 12_000}


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
    """Preparing from .xlsx, and reading alone."""
    figures: list[Figure] = []
    for rows in (_SMALL,) if quick else (_SMALL, _LARGE):
        best = _best(rows, ".xlsx", repeat)
        figures += _speeds(best, rows, "xlsx")
        figures.append(Figure(f"peak memory, {rows:,} from xlsx", best.peak / 2**20, "MB"))
    return figures if quick else figures + _readings(repeat)


def a_million(repeat: int, *, quick: bool) -> list[Figure]:
    """The memory that a million rows take, once."""
    if quick:
        return []
    best = _best(_HUGE, ".csv", 1)
    return [
        rate(f"preparing, {_HUGE:,} from CSV", _HUGE, _seconds(best)),
        Figure(f"peak memory, {_HUGE:,}", best.peak / 2**20, "MB", target=200, at_most=True),
        Figure(
            f"peak memory of the rendering child, {_HUGE:,}", best.peak_children / 2**20, "MB", target=200, at_most=True
        ),
    ]


def read_sheet(sheet: str) -> dict[str, Any]:
    """Seconds to read a sheet as an import does: columns found, cells as people see them, addresses checked."""
    from campaigns.recipients.sheet import open_sheet

    began = time.perf_counter()
    with open_sheet(Path(sheet)) as opened:
        rows = sum(1 for _ in opened.rows())
    return {"seconds": time.perf_counter() - began, "rows": rows}


def _readings(repeat: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / "people.xlsx"
        ground.write_sheet(sheet, _LARGE)
        ours, theirs = (
            min(measured(read, sheet=str(sheet)).told["seconds"] for _ in range(repeat))
            for read in (read_sheet, read_by_openpyxl)
        )
    openpyxl = Figure(f"openpyxl, read-only, {_LARGE:,} x 10 cells", theirs, "s")
    reading = Figure(f"reading .xlsx, {_LARGE:,} x 10 cells", ours, "s", target=4, at_most=True)
    return [beside(reading, openpyxl, "openpyxl"), openpyxl]


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
    together = rate(f"preparing, {rows:,} from {kind}", rows, _seconds(best), target=_TARGETS.get((kind, rows)))
    return [*([bare] if bare else []), *steps.values(), together]
