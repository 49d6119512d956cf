"""Rows as a .csv file that a spreadsheet program opens without harm."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_lines(path: Path, header: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Write a CSV file, whole or not at all; any text in `lines` that is foreign goes through `inert` first."""
    half = path.with_name(f".{path.name}.half")  # a file that stands there under its own name is whole
    try:
        with half.open("w", encoding="utf-8-sig", newline="") as file:  # Excel takes UTF-8 only with a BOM
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(lines)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def inert(text: str) -> str:
    """Foreign text that no spreadsheet program takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
