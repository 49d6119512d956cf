"""Spreadsheets that real programs wrote (`tests/files`), and what LibreOffice shows in each of their cells."""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

FILES = Path(__file__).parents[1] / "files"
_ERROR = re.compile(r"#[A-Z/0]+[!?]?|Err:\d+")
Place = tuple[int, str]  # row, header

# The cell shows a name and is linked to an address, which an import reads; a text file has no links.
_LINK = {(6, "E-Mail"): "lukasz@example.org"}
# We show numbers as Excel does: General has at most eleven characters, and exponents of two digits.
_GENERAL = {
    (5, "Frei"): "1E+21",
    (6, "Frei"): "0.333333333",
    (7, "Konto"): "1.23457E+11",
    (8, "Konto"): "1.23457E+18",
    (9, "Frei"): "12345.6789",
}
# cp1252 has no such letters, so that LibreOffice wrote question marks.
_CP1252 = {
    (6, "Name"): "?ukasz ?ak",
    (6, "E-Mail"): "?ukasz schreiben",
    (6, "Summe"): "?ukasz ?ak x",
    (8, "Name"): "???",
    (10, "Notiz"): "é??",
}
# openpyxl writes no results of formulas, and does not escape what reads like an escape.
_OPENPYXL = {**{(row, "Summe"): "" for row in (4, 5, 6, 7, 8, 9, 11)}, (9, "Notiz"): "A"}

# By file, what is read otherwise than LibreOffice shows it; an error cell is always read as empty.
OTHERWISE: dict[str, dict[Place, str]] = {
    "libreoffice.xlsx": _LINK | _GENERAL,
    "libreoffice.ods": _LINK | {(6, "Notiz"): "tab\there"},  # LibreOffice itself drops the tab when it opens the file
    "openpyxl.xlsx": _LINK | _GENERAL | _OPENPYXL,
    "semicolon-cp1252.csv": _CP1252,
    "semicolon-utf8-bom.csv": {},
    "tab-utf8.tsv": {},
    "comma-utf16.csv": {},
    "xlsxwriter.xlsx": {},
    "libreoffice-1904.xlsx": {},
    "libreoffice-1904.ods": {},
}
BINARY = ("libreoffice.xls", "libreoffice-1904.xls", "xlwt.xls")  # values without their looks


def differences(name: str, headers: Sequence[str], rows: Iterable[tuple[int, Sequence[object]]]) -> dict[Place, str]:
    """Where the cells of an import (null, text, or `[shown, value]`) are not what LibreOffice shows."""
    path = FILES / "shown" / f"{name}.csv"
    if not path.exists():
        path = FILES / "shown" / "openpyxl.xlsx.csv"  # the text files are made of that workbook
    with path.open(encoding="utf-8", newline="") as file:
        shown = list(csv.reader(file))
    found = {}
    for row, cells in rows:
        ours = [str(cell[0] if isinstance(cell, list) else cell or "") for cell in cells]
        for header, cell, theirs in zip(headers, ours, shown[row - 1], strict=True):
            if cell != ("" if _ERROR.fullmatch(theirs) else theirs):
                found[row, header] = cell
    return found
