"""Links behind cells: a name is seen, and a click writes to an address."""

from collections.abc import Iterable
from typing import IO
from urllib.parse import unquote
from xml.etree.ElementTree import Element, iterparse
from zipfile import ZipFile

from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.xml.constants import PKG_REL_NS, REL_NS, SHEET_MAIN_NS

from campaigns.errors import SpreadsheetError
from campaigns.recipients.addresses import looks_like_address

MOST_LINKS = 65_530  # Excel's own limit for a worksheet

_ROW, _DATA, _LINK = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("row", "sheetData", "hyperlink"))
_RELATION = f"{{{PKG_REL_NS}}}Relationship"


def address_in(target: str | None) -> str | None:
    """The address that a `mailto:` link writes to; None for any other link."""
    if target is None or target[:7].lower() != "mailto:":
        return None
    address = unquote(target[7:].partition("?")[0]).strip()
    return address if looks_like_address(address) else None


def links_of(archive: ZipFile, sheet: str) -> dict[tuple[int, int], str]:
    """By row and place, the addresses that the cells of an .xlsx worksheet are linked to.

    They stand behind the rows in the file, so it is read once more; but only where there are such links at all.
    """
    folder, _, name = sheet.rpartition("/")
    relations = f"{folder}/_rels/{name}.rels"
    if relations not in archive.namelist():
        return {}
    with archive.open(relations) as part:
        addresses = {relation.get("Id"): address_in(relation.get("Target")) for relation in _relations(part)}
    if not any(addresses.values()):
        return {}
    found: dict[tuple[int, int], str] = {}
    with archive.open(sheet) as part:
        for link in _hyperlinks(part):
            address, cell = addresses.get(link.get(f"{{{REL_NS}}}id")), link.get("ref", "")
            if address and cell.isalnum():
                row, column = coordinate_to_tuple(cell)
                found[row, column - 1] = address
            if len(found) > MOST_LINKS:
                raise SpreadsheetError(
                    f"The worksheet has more links than the {MOST_LINKS:,} that it can have.",
                    remedy="Open the file in Excel and save it again as .xlsx.",
                )
    return found


def _relations(part: IO[bytes]) -> Iterable[Element]:
    return (element for _, element in iterparse(part) if element.tag == _RELATION)  # noqa: S314  guards.py has refused entities


def _hyperlinks(part: IO[bytes]) -> Iterable[Element]:
    data: Element | None = None
    for event, element in iterparse(part, ("start", "end")):  # noqa: S314  guards.py has refused entities
        if event == "start":
            data = element if element.tag == _DATA else data
        elif element.tag == _ROW:
            element.clear()
            if data is not None:
                data.clear()
        elif element.tag == _LINK:
            yield element
