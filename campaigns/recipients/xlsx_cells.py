"""A cell's XML as the person sees the cell: number formats, formulas by their kept results."""

import math
import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, iterparse
from zipfile import ZipFile

from openpyxl.packaging.manifest import Manifest
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.xml.constants import SHEET_MAIN_NS, STYLES_TYPE

from campaigns.model.column import CellKind
from campaigns.recipients.cells import Cell, Trouble, Typed
from campaigns.recipients.format_code import Is, sections_of
from campaigns.recipients.number_format import FormatKind, kind_of_format, show_number, show_text
from campaigns.recipients.serial_date import iso_of

MAIN_NS = SHEET_MAIN_NS
MAIN = f"{{{MAIN_NS}}}"
_VALUE, _FORMULA, _INLINE = f"{MAIN}v", f"{MAIN}f", f"{MAIN}is"
_RUN, _TEXT = f"{MAIN}r", f"{MAIN}t"
_FORMAT, _CELL_STYLES, _STYLE = f"{MAIN}numFmt", f"{MAIN}cellXfs", f"{MAIN}xf"

NUMBERS_KEPT = 20_000  # shown numbers remembered, so that memory does not grow with the rows

# Excel keeps these under a number and shows them by the system's own habits, here en-US.
_DATES = dict.fromkeys((14, *range(27, 32), 36, *range(50, 59)), "m/d/yyyy")
_BUILTIN = BUILTIN_FORMATS | _DATES | {22: "m/d/yyyy h:mm", 32: "h:mm:ss", 33: "h:mm:ss", 34: "h:mm:ss", 35: "h:mm:ss"}

# ECMA-376 part 1, 22.9.2.19: characters that XML cannot hold, and Excel's own carriage returns.
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def formats_of(archive: ZipFile, package: Manifest) -> list[str]:
    """The number format of each cell style. Only these are read: a broken font or fill is no reason to refuse a list."""
    name = part_name(archive, package, STYLES_TYPE)
    if name is None:
        return []
    own: dict[int, str] = {}
    styles: list[int] = []
    with archive.open(name) as part:
        for _, element in iterparse(part):  # noqa: S314  guards.py has refused entities
            if element.tag == _FORMAT:
                own[int(element.get("numFmtId", "0"))] = element.get("formatCode", "General")
            elif element.tag == _CELL_STYLES:
                styles = [int(style.get("numFmtId", "0")) for style in element if style.tag == _STYLE]
    known = _BUILTIN | own
    return [known.get(number, "General") or "General" for number in styles]


def part_name(archive: ZipFile, package: Manifest, content_type: str) -> str | None:
    """Where the archive holds the part of a content type; a workbook may lack it."""
    parts = (part.PartName.lstrip("/") for part in package.Override if part.ContentType == content_type)
    return next((name for name in parts if name in archive.namelist()), None)


class CellReader:
    """Reads the cells of one workbook."""

    def __init__(self, strings: Sequence[str], formats: Sequence[str], *, epoch_1904: bool) -> None:
        self.strings = strings
        self._formats = formats
        self._shows_texts = {str(n) for n, code in enumerate(formats) if _changes_text(code)}
        self._epoch_1904 = epoch_1904
        self._numbers: dict[tuple[str | None, str], Cell] = {}

    def read(self, cell: Element) -> Cell:
        """What the person sees in a cell, with its value where it has a type."""
        kind, style = cell.get("t"), cell.get("s")
        value: str | None = None
        formula = False
        for child in cell:
            if child.tag == _VALUE:
                value = child.text
            elif child.tag == _FORMULA:
                formula = True
            elif child.tag == _INLINE and kind == "inlineStr":
                value = joined(child)
                break
        return self.value_of(kind, style, value, formula=formula)

    def value_of(self, kind: str | None, style: str | None, value: str | None, *, formula: bool) -> Cell:
        """What the person sees in a cell of a type (`t`) and a style (`s`); None and "" are the same here."""
        if kind == "s" and value:
            return self._text(self.strings[int(value)], style)
        if kind in ("inlineStr", "str"):
            return self._text(unescaped(value or ""), style)
        if not value:
            return Trouble("", "no_cached_value") if formula else ""
        if not kind or kind == "n":
            return self._numbers.get((style, value)) or self._number(style, value)
        return _other(kind, value)

    def _text(self, text: str, style: str | None) -> str:
        return show_text(text, self._formats[int(style)]) if style and style in self._shows_texts else text

    def _number(self, style: str | None, text: str) -> Cell:
        at = int(style or 0)
        code = self._formats[at] if at < len(self._formats) else "General"
        cell = _shown_number(float(text), code, epoch_1904=self._epoch_1904)
        if len(self._numbers) >= NUMBERS_KEPT:
            self._numbers.clear()
        self._numbers[style, text] = cell
        return cell


def _shown_number(number: float, code: str, *, epoch_1904: bool) -> Cell:
    if not math.isfinite(number):
        return Trouble("#NUM!", "error_cell")
    shown = show_number(number, code, epoch_1904=epoch_1904)
    if shown is None:
        return Trouble("####", "impossible_date")
    if not shown:
        return ""  # a format may hide what is there, and hidden is what the person sees
    kind = kind_of_format(code)
    if kind is FormatKind.DATE:
        day = iso_of(number, epoch_1904=epoch_1904)
        return shown if day is None else Typed(shown, day, CellKind.DATE)
    if kind is not FormatKind.NUMBER:
        return shown
    value = float(f"{number:.15g}")  # as many digits as Excel itself computes with
    return Typed(shown, int(value) if value.is_integer() else value, CellKind.NUMBER)


def _other(kind: str, value: str) -> Cell:
    if kind == "b":
        true = value in ("1", "true")
        return Typed("TRUE" if true else "FALSE", true, CellKind.YES_NO)
    if kind == "e":
        return Trouble(value, "error_cell")
    if kind == "d":  # an ISO date, which Excel reads and hardly anyone writes
        return Typed(value, value, CellKind.DATE)
    msg = f"a cell of type {kind}"
    raise ValueError(msg)


def joined(element: Element) -> str:
    """A string's text, with or without runs of formatting; readings in Japanese phonetics are left out."""
    parts = []
    for child in element:
        if child.tag == _TEXT:
            parts.append(child.text or "")
        elif child.tag == _RUN:
            parts += [text.text or "" for text in child if text.tag == _TEXT]
    return "".join(parts)


def unescaped(text: str) -> str:
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    if 0xD800 <= code <= 0xDFFF:
        return found[0]
    return chr(code) if code else ""


def _changes_text(code: str) -> bool:
    sections = sections_of(code)
    return len(sections) == 4 or (Is.TEXT in sections[-1].kinds and len(sections[-1].tokens) > 1)
