"""A table that the worksheet's list stands in ("Format as Table"): our columns become columns of it.

Beside it they would stay where they are when somebody sorts the table, and say of one person what was found of another.
"""

from collections.abc import Sequence

from campaigns.recipients.annotated_sheet import AREA, area_of
from campaigns.recipients.columns import place_of_letters
from campaigns.recipients.own_columns import HEADERS
from campaigns.recipients.xml_edit import Element, UnfitError, appended, elements, prefix_of, spliced, with_attribute

_Changes = list[tuple[int, int, str | bytes]]


def widened(part: bytes, header_row: int, places: Sequence[int]) -> bytes | None:
    """The table's part with our columns, which `places` has in the order of their headers.

    As it is if the table has them already; None if it is not the list's, or they cannot follow its last column.
    """
    table, *children = elements(part)
    area = AREA.match(table.attributes.get("ref", ""))
    if area is None or area[3] is None or not _is_of_cells(table):
        return None
    left, top, right, bottom = place_of_letters(area[1]), int(area[2]), place_of_letters(area[3]), int(area[4])
    new = sorted(place for place in places if place > right)
    follow = new == list(range(right + 1, right + 1 + len(new)))
    if top != header_row or min(places) < left or not follow:
        return None
    if not new:
        return part
    filtered = area_of(left, top, new[-1], bottom - int(table.attributes.get("totalsRowCount", "0")))
    names = [HEADERS[places.index(place)] for place in new]
    changes = [_tag_with(part, table, "ref", area_of(left, top, new[-1], bottom))]
    changes += _filter(part, table, children, filtered) + _columns(part, children, names)
    return spliced(part, changes)


def _is_of_cells(table: Element) -> bool:
    """Whether it has a header row, and no database or XML map says what columns it has."""
    of_cells = table.attributes.get("tableType", "worksheet") == "worksheet"
    return of_cells and table.attributes.get("headerRowCount") != "0"


def _filter(part: bytes, table: Element, children: Sequence[Element], area: str) -> _Changes:
    """The table's own filter over all of it; one is put in where it was off."""
    its = next((one for one in children if one.depth == 1 and one.tag == "autoFilter"), None)
    if its is not None:
        return [_tag_with(part, its, "ref", area)]
    return [(table.inside, table.inside, f'<{prefix_of(part, table)}autoFilter ref="{area}"/>')]


def _columns(part: bytes, children: Sequence[Element], names: Sequence[str]) -> _Changes:
    """Further columns, which are called as their header cells are."""
    holder = next((one for one in children if one.depth == 1 and one.tag == "tableColumns"), None)
    if holder is None:
        raise UnfitError("a table without columns")
    numbers = [int(one.attributes.get("id", "0")) for one in children if one.depth == 2 and one.tag == "tableColumn"]
    p, first = prefix_of(part, holder), max(numbers, default=0) + 1
    written = "".join(f'<{p}tableColumn id="{first + n}" name="{name}"/>' for n, name in enumerate(names))
    return [_tag_with(part, holder, "count", str(len(numbers) + len(names))), appended(part, holder, written)]


def _tag_with(part: bytes, one: Element, name: str, value: str) -> tuple[int, int, str | bytes]:
    return one.start, one.inside, with_attribute(part[one.start : one.inside], name, value)
