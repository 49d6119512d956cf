"""What a benchmark brings: figures, each beside another where there is one, and the target it must reach."""

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

OUT = Path(__file__).with_name("out")


@dataclass(frozen=True)
class Figure:
    what: str
    value: float
    unit: str
    beside: str = ""  # what it is compared with
    ratio: float | None = None  # this one : that one
    target: float | None = None
    at_most: bool = False  # the target is a ceiling
    goal: float | None = None  # what is aimed at next
    skipped: str = ""  # why there is no figure

    @property
    def reached(self) -> bool | None:
        """Whether the target is; None where there is none."""
        if self.target is None or self.skipped:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


def rate(what: str, count: int, seconds: float, unit: str = "recipients/s", **more: Any) -> Figure:
    return Figure(what, count / seconds, unit, **more)


def beside(one: Figure, other: Figure, name: str = "") -> Figure:
    """The figure with its ratio to the other."""
    if one.skipped or other.skipped:
        return one
    return Figure(**{**asdict(one), "beside": name or other.what, "ratio": one.value / other.value})


def skipped(what: str, why: str) -> Figure:
    return Figure(what, 0, "", skipped=why)


def machine() -> dict[str, Any]:
    """Where and how busy: a figure means little without."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def show(figures: Sequence[Figure], began: dict[str, Any], repeat: int) -> None:
    title = (
        f"Best of {repeat}; {began['cores']} cores, load {began['load'][0]:.1f} before and {os.getloadavg()[0]:.1f} "
        f"after, Python {began['python']}, {began['system']}"
    )
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for head, side in (("measure", "left"), ("value", "right"), ("ratio", "right"), ("to", "left"), ("target", "left")):
        table.add_column(head, justify=side, no_wrap=head != "measure")  # type: ignore[arg-type]
    for figure in figures:
        table.add_row(*_row(figure))
    Console(width=160, soft_wrap=False).print(table, markup=False)


def keep(figures: Sequence[Figure], began: dict[str, Any], repeat: int) -> Path:
    """Write the figures to `benchmarks/out/`, beside those of earlier runs."""
    OUT.mkdir(exist_ok=True)
    path = OUT / f"{began['at'].replace(':', '')}.json"
    told = {"machine": began, "repeat": repeat, "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return path


def _row(figure: Figure) -> tuple[str, ...]:
    if figure.skipped:
        return figure.what, "skipped", "", figure.skipped, ""
    ratio = "" if figure.ratio is None else f"{figure.ratio:,.2f}"
    return figure.what, f"{_number(figure.value)} {figure.unit}", ratio, figure.beside, _target(figure)


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    sign = "at most" if figure.at_most else "at least"
    goal = f", next {_number(figure.goal)}" if figure.goal else ""
    return f"{'reached' if figure.reached else 'MISSED'}: {sign} {_number(figure.target)}{goal}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"
