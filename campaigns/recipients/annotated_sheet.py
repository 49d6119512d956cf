"""A worksheet's XML with columns for what was found: cells put into its rows, a filter and colours behind them.

The colours are conditional formats that look at our own columns. The cells' own formats are not touched, colours stay
with their rows when the sheet is sorted, and without our columns nothing of them is left.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from campaigns.recipients.annotated_survey import DIGITS, Plan, RowNote, Survey
from campaigns.recipients.columns import column_letter, place_of_letters
from campaigns.recipients.own_columns import FIELD, FOUND, HEADERS, REASON, STATE
from campaigns.recipients.xml_edit import Scissors, ascii_bytes, quoted, text_of, with_attribute, without_attribute

LEFT_OUT = "left out"  # the state that the red colour looks for
MOST_COMMENTS = 1_000  # of rows that get mail, and of rows that do not; Excel draws each one when it opens the file; the columns say the same for all rows
_WIDTHS = (15, 18, 60, 60, 18)

# ECMA-376 part 1, 18.3.1.99: the children of a worksheet behind its rows, in the order that they must have.
_ORDER = {
    tag: rank
    for rank, tag in enumerate(
        "sheetData sheetCalcPr sheetProtection protectedRanges scenarios autoFilter sortState dataConsolidate "  # noqa: SIM905  one word a line would fill the page
        "customSheetViews mergeCells phoneticPr conditionalFormatting dataValidations hyperlinks printOptions "
        "pageMargins pageSetup headerFooter rowBreaks colBreaks customProperties cellWatches ignoredErrors smartTags "
        "drawing legacyDrawing legacyDrawingHF picture oleObjects controls webPublishItems tableParts extLst".split()
    )
}
_UNKNOWN = _ORDER["oleObjects"]  # mc:AlternateContent, which stands around these
_LONGEST_NAME = 250  # in a formula; Excel takes 255 characters between quote marks
_MARK = 'N("Mergecast")=0'  # always true; by it our colours are known when the sheet comes again
_OURS = re.compile(rb"N\((?:\"|&quot;)Mergecast(?:\"|&quot;)\)=0")
_RULE = re.compile(rb'<((?:\w+:)?cfRule)\b(?:"[^"]*"|[^>"/])*>.*?</\1>', re.DOTALL)
AREA = re.compile(r"\$?([A-Z]+)\$?(\d+)(?::\$?([A-Z]+)\$?(\d+))?\Z")


class SheetScissors(Scissors):
    """Writes the notes into a worksheet; `comments` says at the end which cells have something to say."""

    def __init__(self, source: IO[bytes], sink: IO[bytes], plan: Plan, seen: Survey, notes: Iterator[RowNote]) -> None:
        super().__init__(source, sink)
        self.comments: list[tuple[int, int, str]] = []  # row, place, text
        self.filter = ""  # the area of the filter, "" where a table has its own
        self.uncommented = 0
        self._plan, self._seen = plan, seen
        self._notes, self._note = notes, next(notes, None)
        self._guilty: set[int] = set()
        self._commented: Counter[str] = Counter()
        self._columns = sorted((place, n) for n, place in enumerate(plan.places))
        self._ours = frozenset(plan.places)
        self._header_style = ""
        self._row, self._place = 0, -1
        self._due: list[tuple[int, str]] = []  # cells still to be put into this row
        self._dropping = False
        self._depth, self._prefix = 0, ""
        self._cell_tag = self._row_tag = ""
        self._child, self._child_at = "", 0
        self._widths: list[dict[str, str]] = []
        self._written: set[str] = set()
        self._to_put = ["autoFilter", "conditionalFormatting", "legacyDrawing"]
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._part_start, self._part_end

    # -- around the rows: the children of the worksheet

    def _part_start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        bare = tag.rpartition(":")[2]
        if self._depth == 1:
            self._prefix = tag[: -len(bare)]
            self._cell_tag, self._row_tag = f"{self._prefix}c", f"{self._prefix}row"
        elif self._depth == 2:
            self._child_ended()
            self._child_began(bare, attributes)
        elif self._child == "cols" and bare == "col":
            self._widths.append(attributes)

    def _part_end(self, _tag: str) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._child_ended()
            self._put_before(len(_ORDER))

    def _child_began(self, tag: str, attributes: dict[str, str]) -> None:
        self._child, self._child_at = tag, self.at
        if tag in _ORDER or "sheetData" in self._written:
            self._put_before(_ORDER.get(tag, _UNKNOWN))
        if tag == "dimension":
            self._replace_tag("ref", _widened(attributes.get("ref", ""), self._plan.places))
        elif tag == "autoFilter":
            self.filter = _widened(attributes.get("ref", ""), self._plan.places)
            self._replace_tag("ref", self.filter)
        elif tag == "sheetData":
            if "cols" not in self._written:
                self._put_widths()
            self.parser.StartElementHandler, self.parser.EndElementHandler = self._row_start, self._row_end
        self._written.add(tag)
        if tag not in ("cols", "conditionalFormatting"):
            self.settle(self.at)

    def _child_ended(self) -> None:
        """The next child begins, or the worksheet ends: now it is known what the last one held."""
        if self._child == "cols":
            self.copy(self._child_at)
            self.skip(self.at)
            self._put_widths()
        elif self._child == "conditionalFormatting":
            raw = self.raw(self._child_at, self.at)
            if _OURS.search(raw):
                kept = _RULE.sub(lambda rule: b"" if _OURS.search(rule[0]) else rule[0], raw)
                self.copy(self._child_at)
                self.skip(self.at)
                self.put_raw(kept if b"cfRule" in kept else b"")
        self._child = ""
        self.settle(self.at)

    def _replace_tag(self, name: str, value: str) -> None:
        tag = self.start_tag()
        self.copy(self.at)
        self.put_raw(with_attribute(tag, name, value))
        self.skip(self.at + len(tag))

    def _put_before(self, rank: int) -> None:
        """What of ours stands before a child of this rank."""
        while self._to_put and _ORDER[self._to_put[0]] < rank:
            tag = self._to_put.pop(0)
            self.copy(self.at)
            if tag == "autoFilter":
                self._put_filter()
            elif tag == "conditionalFormatting":
                self._put_colours()
            elif self.comments and not self._seen.legacy_drawing:
                namespace = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
                self.put(f'<{self._prefix}legacyDrawing xmlns:r="{namespace}" r:id="{self._plan.drawing}"/>')

    def _put_filter(self) -> None:
        if "autoFilter" in self._seen.children or self._plan.filter_from is None:
            return
        right = max(self._plan.places)
        self.filter = area_of(self._plan.filter_from, self._plan.header_row, right, self._last_row())
        self.put(f'<{self._prefix}autoFilter ref="{self.filter}"/>')

    def _put_colours(self) -> None:
        """Red and amber for the cells that the merge field column names, and for the state."""
        priority = self._seen.priority
        first, p = self._plan.header_row + 1, self._prefix
        state, reason, told = (f"${column_letter(self._plan.places[n])}{first}" for n in (STATE, REASON, FIELD))
        areas = [(self._plan.places[STATE], f'{reason}<>""')]
        for column in sorted(self._guilty):
            name = self._plan.fields[column]
            if len(name) < _LONGEST_NAME:
                areas.append((self._plan.columns[column], f'ISNUMBER(FIND(", {name},",", "&{told}&","))'))
        for place, test in areas:
            rules = ""
            for dxf, formula in (
                (self._plan.red, f'AND({_MARK},{state}="{LEFT_OUT}",{test})'),
                (self._plan.amber, f"AND({_MARK},{test})"),
            ):
                priority += 1
                rules += (
                    f'<{p}cfRule type="expression" dxfId="{dxf}" priority="{priority}">'
                    f"<{p}formula>{quoted(formula)}</{p}formula></{p}cfRule>"
                )
            area = area_of(place, first, place, self._last_row())
            self.put(f'<{p}conditionalFormatting sqref="{area}">{rules}</{p}conditionalFormatting>')

    def _last_row(self) -> int:
        return max(self._seen.last_row, self._plan.header_row + 1)

    def _put_widths(self) -> None:
        ours = dict(zip(self._plan.places, _WIDTHS, strict=True))
        columns = [*_without(self._widths, ours), *(_width(place, ours[place]) for place in ours)]
        columns.sort(key=lambda column: int(column["min"]))
        written = ""
        for column in columns:
            attributes = " ".join(f'{name}="{quoted(value)}"' for name, value in column.items())
            written += f"<{self._prefix}col {attributes}/>"
        self.copy(self.at)
        self.put(f"<{self._prefix}cols>{written}</{self._prefix}cols>")

    # -- the rows

    def _row_start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == self._cell_tag:
            name = attributes.get("r")
            self._place = place = self._place + 1 if name is None else place_of_letters(name.rstrip(DIGITS))
            if self._dropping:
                self.skip(self.at)
                self._dropping = False
            if self._due and self._due[0][0] <= place:
                self._put_cells(place + 1)
            if place in self._ours:
                self.copy(self.at)
                self._dropping = True
            elif self._row == self._plan.header_row:
                self._header_style = attributes.get("s", "")
        elif tag == self._row_tag:
            self._row = int(attributes.get("r") or self._row + 1)
            self._place = -1
            self._due = self._cells_due()
            if self._due and "spans" in attributes:  # a hint for readers, wrong from now on
                raw = self.start_tag()
                self.copy(self.at)
                self.put_raw(without_attribute(raw, "spans"))
                self.skip(self.at + len(raw))

    def _row_end(self, tag: str) -> None:
        if tag == self._row_tag:
            if self._dropping:
                self.skip(self.at)
                self._dropping = False
            if self._place >= 0:
                self._put_cells(1 << 20)
            self.settle(self.at)
        elif tag.endswith("sheetData"):
            self._depth -= 1
            self.parser.StartElementHandler, self.parser.EndElementHandler = self._part_start, self._part_end

    def _cells_due(self) -> list[tuple[int, str]]:
        """The cells of ours that this row gets, from left to right."""
        if self._row == self._plan.header_row:
            if self._plan.heading:
                self.comments.append((self._row, self._plan.places[FOUND], self._plan.heading))
            return [(place, HEADERS[n]) for place, n in self._columns]
        while self._note is not None and self._note.row < self._row:
            self._note = next(self._notes, None)
        note = self._note
        if note is None or note.row != self._row:
            return []
        self._guilty.update(column for column, _ in note.comments)
        state = note.texts[STATE]
        if self._commented[state] < MOST_COMMENTS:
            self.comments += [(note.row, self._plan.columns[column], text) for column, text in note.comments]
            self._commented[state] += len(note.comments)
        elif note.comments:
            self.uncommented += 1
        return [(place, note.texts[n]) for place, n in self._columns if note.texts[n]]

    def _put_cells(self, before: int) -> None:
        if not self._due:
            return
        self.copy(self.at)
        style = self._header_style if self._row == self._plan.header_row else str(self._plan.cell_style)
        p, row = self._prefix, self._row
        styled = f' s="{style}"' if style else ""
        written = []
        while self._due and self._due[0][0] < before:
            place, text = self._due.pop(0)
            written.append(
                f'<{p}c r="{column_letter(place)}{row}"{styled} t="inlineStr">'
                f'<{p}is><{p}t xml:space="preserve">{text_of(text)}</{p}t></{p}is></{p}c>'
            )
        self.put_raw(ascii_bytes("".join(written)))


def area_of(left: int, top: int, right: int, bottom: int) -> str:
    """The name of an area: from the place and the row of its first cell to those of its last."""
    return f"{column_letter(left)}{top}:{column_letter(right)}{bottom}"


def _widened(area: str, places: Sequence[int]) -> str:
    """The area, as wide as our columns; what is none stays as it is."""
    found = AREA.match(area)
    if found is None:
        return area
    first, top, last, bottom = found[1], found[2], found[3] or found[1], found[4] or found[2]
    left, right = min(place_of_letters(first), *places), max(place_of_letters(last), *places)
    return area_of(left, int(top), right, int(bottom))


def _without(columns: Sequence[Mapping[str, str]], places: Mapping[int, int]) -> Iterator[dict[str, str]]:
    """The widths that the sheet has, but for some columns."""
    for column in columns:
        first, last = int(column["min"]), int(column["max"])
        for place in sorted(places):
            if first <= place + 1 <= last:
                if first < place + 1:
                    yield {**column, "min": str(first), "max": str(place)}
                first = place + 2
        if first <= last:
            yield {**column, "min": str(first), "max": str(last)}


def _width(place: int, width: int) -> dict[str, str]:
    return {"min": str(place + 1), "max": str(place + 1), "width": str(width), "customWidth": "1"}
