"""The small parts of a workbook that notes on its rows need: styles, comments, the relations and types that name them.

Each function takes a part's bytes, None where the workbook has no such part, and gives the bytes to write.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import dirname, normpath, relpath
from posixpath import join as joined

from campaigns.recipients.columns import column_letter, place_of_letters
from campaigns.recipients.xml_edit import (
    Element,
    UnfitError,
    appended,
    elements,
    prefix_of,
    quoted,
    spliced,
    text_of,
    with_attribute,
)

AUTHOR = "Mergecast"
_SAYS = f"{AUTHOR}:\n"  # how a comment begins, as Excel's own do
_SAID = re.compile(rb"\s*Mergecast: *(?:[\r\n]|&#1[03];|&#x0?[AaDd];)")  # the same as programs write it
_MARKUP = re.compile(rb"<[^>]*>")
COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
DRAWING_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RED, _AMBER = "FFFFC9C4", "FFFFE9B0"

Comments = Sequence[tuple[int, int, str]]  # row, place, text


@dataclass(frozen=True, slots=True)
class Relation:
    id: str
    kind: str  # the last word of its type
    target: str  # the part's name in the archive


# -- styles


def with_styles(part: bytes) -> tuple[bytes, int, int, int]:
    """The styles with a cell style for our texts and two colours; the numbers of all three."""
    found = elements(part)
    cells = _first(found, "cellXfs")
    if cells is None:
        raise UnfitError("no cell styles")
    p = prefix_of(part, cells)
    cell_style = _count(found, cells, "xf")
    # Text, and stays text when somebody edits the cell.
    style = f'<{p}xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/>'
    fills = "".join(
        f'<{p}dxf><{p}fill><{p}patternFill patternType="solid"><{p}fgColor rgb="{colour}"/><{p}bgColor rgb="{colour}"/>'
        f"</{p}patternFill></{p}fill></{p}dxf>"
        for colour in (_RED, _AMBER)
    )
    changes = [_recounted(part, cells, cell_style + 1), appended(part, cells, style)]
    formats = _first(found, "dxfs")
    if formats is None:
        behind = next((one for one in found if one.depth == 1 and one.tag in ("tableStyles", "colors", "extLst")), None)
        at = behind.start if behind else found[0].inside_end
        changes.append((at, at, f'<{p}dxfs count="2">{fills}</{p}dxfs>'))
        red = 0
    else:
        red = _count(found, formats, "dxf")
        if part[formats.inside - 2 : formats.inside] == b"/>":
            changes.append((formats.start, formats.end, f'<{p}dxfs count="2">{fills}</{p}dxfs>'))
        else:
            changes += [_recounted(part, formats, red + 2), appended(part, formats, fills)]
    return spliced(part, changes), cell_style, red, red + 1


# -- comments


def with_comments(part: bytes | None, comments: Comments) -> tuple[bytes, set[tuple[int, int]], Comments]:
    """The comments without those of the last time and with the new ones.

    Also the (row, place) of those that are gone, and the comments that were put in: a cell that somebody else has
    commented keeps that comment.
    """
    part = part or f'<comments xmlns="{_MAIN}"><authors/><commentList/></comments>'.encode()
    found = elements(part)
    authors, entries = _first(found, "authors"), _first(found, "commentList")
    if authors is None or entries is None:
        raise UnfitError("no comments")
    p = prefix_of(part, entries)
    names = [one for one in found if one.tag == "author" and authors.start < one.start < authors.end]
    written = [part[one.inside : one.inside_end].decode("utf-8", "replace") for one in names]
    own = written.index(AUTHOR) if AUTHOR in written else len(written)
    changes: list[tuple[int, int, str | bytes]] = []
    gone, taken = set(), set()
    for one in found:
        if one.tag == "comment" and one.depth == 2:
            place = _place(one.attributes.get("ref", ""))
            # LibreOffice forgets who wrote a comment, so that each of ours says it in its text as well.
            says = _SAID.match(_MARKUP.sub(b"", part[one.inside : one.inside_end]))
            if says or (one.attributes.get("authorId") == str(own) and AUTHOR in written):
                changes.append((one.start, one.end, ""))
                gone.add(place)
            else:
                taken.add(place)
    new = [one for one in comments if one[:2] not in taken]
    if AUTHOR not in written:
        changes.append(appended(part, authors, f"<{p}author>{AUTHOR}</{p}author>"))
    entry = "".join(
        f'<{p}comment ref="{column_letter(place)}{row}" authorId="{own}"><{p}text><{p}r><{p}t xml:space="preserve">'
        f"{_SAYS}{text_of(text)}</{p}t></{p}r></{p}text></{p}comment>"
        for row, place, text in new
    )
    changes.append(appended(part, entries, entry))
    return spliced(part, changes), gone, new


def with_drawing(part: bytes | None, gone: set[tuple[int, int]], comments: Comments) -> bytes:
    """The boxes that the comments are shown in. This is VML, which is not always XML, so that it is taken as text."""
    text = part.decode("utf-8", "surrogateescape") if part is not None else _DRAWING
    if "</xml>" not in text:
        raise UnfitError("no drawing")
    text = _BOX.sub(lambda box: "" if _box_place(box[0]) in gone else box[0], text)
    if 'id="_x0000_t202"' not in text:
        text = text.replace("</xml>", _BOX_TYPE + "</xml>")
    first = max((int(number) for number in re.findall(r'"_x0000_s(\d+)"', text)), default=1024) + 1
    boxes = "".join(
        _BOX_OF.format(
            number=first + n,
            row=row - 1,
            place=place,
            left=place + 1,
            right=place + 5,
            top=max(row - 2, 0),
            bottom=row + 4,
        )
        for n, (row, place, _) in enumerate(comments)
    )
    return text.replace("</xml>", boxes + "</xml>").encode("utf-8", "surrogateescape")


_DRAWING = (
    '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel"><o:shapelayout v:ext="edit">'
    '<o:idmap v:ext="edit" data="1"/></o:shapelayout></xml>'
)
_BOX_TYPE = (
    '<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
    '<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
_BOX_OF = (
    '<v:shape id="_x0000_s{number}" type="#_x0000_t202" style="position:absolute;visibility:hidden" '
    'fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/><v:shadow color="black" obscured="t"/>'
    '<v:path o:connecttype="none"/><v:textbox style="mso-direction-alt:auto"/>'
    '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/>'
    "<x:Anchor>{left}, 15, {top}, 2, {right}, 15, {bottom}, 4</x:Anchor><x:AutoFill>False</x:AutoFill>"
    "<x:Row>{row}</x:Row><x:Column>{place}</x:Column></x:ClientData></v:shape>"
)
_BOX = re.compile(r"<v:shape\s.*?</v:shape>", re.DOTALL)


def _box_place(box: str) -> tuple[int, int] | None:
    row, column = re.search(r"<x:Row>\s*(\d+)", box), re.search(r"<x:Column>\s*(\d+)", box)
    return (int(row[1]) + 1, int(column[1])) if row and column and 'ObjectType="Note"' in box else None


# -- what names the parts


def relations_name(part_name: str) -> str:
    folder, _, name = part_name.rpartition("/")
    return f"{folder}/_rels/{name}.rels"


def relations_of(part: bytes | None, part_name: str) -> list[Relation]:
    if part is None:
        return []
    found = []
    for one in elements(part):
        if one.tag == "Relationship" and one.attributes.get("TargetMode") != "External":
            target = one.attributes.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else normpath(joined(dirname(part_name), target))
            kind = one.attributes.get("Type", "").rpartition("/")[2]
            found.append(Relation(one.attributes.get("Id", ""), kind, whole))
    return found


def with_relations(part: bytes | None, part_name: str, new: Sequence[Relation]) -> bytes:
    part = part or f'<Relationships xmlns="{_RELATIONS}"/>'.encode()
    root = elements(part)[0]
    p = prefix_of(part, root)
    written = "".join(
        f'<{p}Relationship Id="{one.id}" Type="{_OFFICE}/{one.kind}" '
        f'Target="{quoted(relpath(one.target, dirname(part_name)))}"/>'
        for one in new
    )
    return spliced(part, [appended(part, root, written)])


def with_types(part: bytes, comments_name: str | None, *, drawing: bool) -> bytes:
    """The content types, with that of a new part of comments and of drawings."""
    found = elements(part)
    root, p = found[0], prefix_of(part, found[0])
    new = ""
    if drawing and not any(
        one.tag == "Default" and one.attributes.get("Extension", "").lower() == "vml" for one in found
    ):
        new += f'<{p}Default Extension="vml" ContentType="{DRAWING_TYPE}"/>'
    changes: list[tuple[int, int, str | bytes]] = [(root.inside, root.inside, new)] if new else []
    if comments_name:
        override = f'<{p}Override PartName="/{comments_name}" ContentType="{COMMENTS_TYPE}"/>'
        changes.append(appended(part, root, override))
    return spliced(part, changes)


def with_filter(part: bytes, worksheet: str, area: str) -> bytes:
    """The workbook with the name by which programs know the filtered area of a worksheet."""
    found = elements(part)
    titles = [one.attributes.get("name", "") for one in found if one.tag == "sheet" and one.depth == 2]
    if worksheet not in titles:
        return part
    index = str(titles.index(worksheet))
    absolute = re.sub(r"([A-Z]+)(\d+)", r"$\1$\2", area)
    title = worksheet.replace("'", "''")
    text = text_of(f"'{title}'!{absolute}")
    for one in found:
        same = one.attributes.get("name") == "_xlnm._FilterDatabase" and one.attributes.get("localSheetId") == index
        if one.tag == "definedName" and same:
            return spliced(part, [(one.inside, one.inside_end, text)])
    sheets = _first(found, "sheets")
    assert sheets is not None
    p = prefix_of(part, sheets)
    name = f'<{p}definedName name="_xlnm._FilterDatabase" localSheetId="{index}" hidden="1">{text}</{p}definedName>'
    if (names := _first(found, "definedNames")) is not None:
        return spliced(part, [appended(part, names, name)])
    before = ("sheets", "functionGroups", "externalReferences")
    at = max(one.end for one in found if one.depth == 1 and one.tag in before)
    return spliced(part, [(at, at, f"<{p}definedNames>{name}</{p}definedNames>")])


def _first(found: Sequence[Element], tag: str) -> Element | None:
    return next((one for one in found if one.depth == 1 and one.tag == tag), None)


def _count(found: Sequence[Element], parent: Element, tag: str) -> int:
    return sum(one.depth == 2 and one.tag == tag and parent.start < one.start < parent.end for one in found)


def _recounted(part: bytes, element: Element, count: int) -> tuple[int, int, str | bytes]:
    return element.start, element.inside, with_attribute(part[element.start : element.inside], "count", str(count))


def _place(reference: str) -> tuple[int, int]:
    """Row and place of a cell by its name."""
    letters = reference.rstrip("0123456789")
    try:
        return int(reference[len(letters) :]), place_of_letters(letters)
    except ValueError:
        raise UnfitError(f"the cell {reference}") from None
