"""A cell of an OpenDocument sheet as the person sees the cell: the file holds that text beside the value."""

import math
import re
from collections.abc import Iterator
from datetime import datetime
from xml.etree.ElementTree import Element

from campaigns.model.column import CellKind
from campaigns.recipients.cells import ERROR_TEXTS, Cell, Trouble, Typed
from campaigns.recipients.number_format import show_number
from campaigns.recipients.written import read_yes_no

_URN = "urn:oasis:names:tc:opendocument:xmlns"
OFFICE, TABLE, STYLE = f"{{{_URN}:office:1.0}}", f"{{{_URN}:table:1.0}}", f"{{{_URN}:style:1.0}}"
_TEXT = f"{{{_URN}:text:1.0}}"
_CALCEXT = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
_HREF = "{http://www.w3.org/1999/xlink}href"

_PARAGRAPH, _SPACES, _TAB, _BREAK = f"{_TEXT}p", f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"
_LINK, _RUBY = f"{_TEXT}a", f"{_TEXT}ruby-text"
_KIND, _VALUE, _FORMULA = f"{OFFICE}value-type", f"{OFFICE}value", f"{TABLE}formula"
_BLANKS = re.compile(r"[ \t\r\n]+")
_MOST_SPACES = 32_767  # what a cell can hold


def read_cell(cell: Element) -> Cell:
    """What the person sees in a cell, with its value where it has a type; ValueError for what no program writes."""
    kind = cell.get(_KIND)
    if kind is None and not len(cell) and _FORMULA not in cell.attrib:
        return ""
    text = _text_of(cell)
    if cell.get(f"{_CALCEXT}value-type") == "error" or (_FORMULA in cell.attrib and _is_error(text or "")):
        return Trouble(text or "", "error_cell")
    if kind is None:  # LibreOffice keeps an empty paragraph for a formula whose result is an empty text
        return Trouble("", "no_cached_value") if text is None and _FORMULA in cell.attrib else text or ""
    if kind == "string":
        exact = cell.get(f"{OFFICE}string-value", "")  # LibreOffice gives it where blanks matter
        return exact if text is None or exact.split() == text.split() else text
    if kind in ("float", "currency", "percentage"):
        return _number(float(cell.get(_VALUE, "")), text, kind)
    if kind == "date":
        return _date(cell.get(f"{OFFICE}date-value", ""), text)
    if kind == "boolean":
        true = cell.get(f"{OFFICE}boolean-value") == "true"
        return Typed(text or ("TRUE" if true else "FALSE"), true, CellKind.YES_NO)
    if kind == "time":  # a time of day or a span: no date in it
        return _span(cell.get(f"{OFFICE}time-value", "")) if text is None else text
    msg = f"a cell of type {kind}"
    raise ValueError(msg)


def link_of(cell: Element) -> str | None:
    """Where the first link in a cell leads."""
    link = next(cell.iter(_LINK), None)
    return None if link is None else link.get(_HREF)


def _text_of(cell: Element) -> str | None:
    """The cell's paragraphs; None if it has none. Comments and drawings are other children, and left out."""
    paragraphs = [child for child in cell if child.tag == _PARAGRAPH]
    if not paragraphs:
        return None
    return "\n".join(map(_paragraph, paragraphs))


def _paragraph(element: Element) -> str:
    """OpenDocument 1.3 part 3, 6.1.2: white space at the beginning is left out, but not what stands there as `text:s`."""
    if not len(element):
        return _collapsed(element.text or "").removeprefix(" ")
    text = "".join(_pieces(element))
    return text if not element.text and element[0].tag == _SPACES else text.removeprefix(" ")


def _pieces(element: Element) -> Iterator[str]:
    yield _collapsed(element.text or "")
    for child in element:
        if child.tag == _SPACES:
            yield " " * min(int(child.get(f"{_TEXT}c", "1")), _MOST_SPACES)
        elif child.tag == _TAB:
            yield "\t"
        elif child.tag == _BREAK:
            yield "\n"
        elif child.tag != _RUBY and child.tag.startswith(_TEXT):
            yield from _pieces(child)
        yield _collapsed(child.tail or "")


def _collapsed(text: str) -> str:
    """OpenDocument 1.3 part 3, 6.1.2: runs of white space in the XML are one blank."""
    return _BLANKS.sub(" ", text) if "  " in text or "\n" in text or "\t" in text else text


def _is_error(text: str) -> bool:
    return text in ERROR_TEXTS or text.startswith("Err:")


def _number(number: float, text: str | None, kind: str) -> Cell:
    if not math.isfinite(number):
        return Trouble("#NUM!", "error_cell")
    shown = show_number(number, "0.##%" if kind == "percentage" else "General") if text is None else text
    if not shown or (shown[0] == "0" and shown[1:2].isdigit()):  # 00123: the format makes a name of the number
        return shown or ""
    if number in (0, 1) and (true := read_yes_no(shown)) is not None:
        return Typed(shown, true, CellKind.YES_NO)  # what a format shows as TRUE is meant so
    value = float(f"{number:.15g}")
    return Typed(shown, int(value) if value.is_integer() else value, CellKind.NUMBER)


def _date(iso: str, text: str | None) -> Cell:
    try:
        at = datetime.fromisoformat(iso[:19])
    except ValueError:
        return text or iso
    value = (at if at.time().isoformat() != "00:00:00" else at.date()).isoformat()
    return Typed(text or value.replace("T", " "), value, CellKind.DATE) if text != "" else ""


def _span(duration: str) -> str:
    found = re.match(r"PT(\d+)H(\d+)M(\d+)", duration)
    return f"{int(found[1])}:{found[2]}" + ("" if int(found[3]) == 0 else f":{found[3]}") if found else duration
