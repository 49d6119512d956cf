"""What is written beside each row of a sheet that is given back: state, reasons, remedies, and the guilty cells."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from campaigns.actions.rows_file import inert
from campaigns.model.column import Column
from campaigns.model.finding import Finding
from campaigns.model.states import LeftOut, RowVerdict, Severity
from campaigns.recipients.annotated import LEFT_OUT, RowNote
from campaigns.store import findings, recipients, reporting, sheets, staging
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.recipients import Recipient
from campaigns.store.reporting import RowTold

READY = "will get mail"
_LOOKED_AT = 50  # rows by which the column of addresses is found
_ABOUT_ADDRESS = {LeftOut.REJECTED, LeftOut.DUPLICATE, LeftOut.SUPPRESSED}


class RowNotes:
    """The notes on the rows of a checked campaign; `found` names all rows of each Finding."""

    def __init__(self, conn: Connection, campaign: Campaign, sheet: sheets.Sheet, found: Sequence[Finding]) -> None:
        self.columns = sheets.columns_of(conn, sheet.id)
        self.conn, self.sheet = conn, sheet
        self._campaign = campaign
        told = [*found, *_of_import(conn, sheet, self.columns)]
        of_all, of_some = _parted(told, staging.count_messages(conn, campaign.id))
        self.heading = "\n".join(dict.fromkeys(f"{one.sentence} {one.remedy}".strip() for one in of_all))
        self._of_rows = _by_row(of_some)
        self._places = {column.field: column.place for column in self.columns}
        self._address = _address_field(conn, sheet, self.columns)

    def __iter__(self) -> Iterator[RowNote]:
        """In the order of the rows; from the start each time."""
        rows = reporting.rows_of(self.conn, self._campaign.id, self._campaign.state, self.sheet.id)
        return map(self._note, rows)

    def _note(self, row: RowTold) -> RowNote:
        found = self._of_rows.get(row.row, ())
        said = [one for one in found if one.severity is Severity.WARNS]
        if row.left_out is not None:
            said.insert(0, self._why(row, row.left_out, found))
        guilty = [one.field for one in said if one.field in self._places]
        texts = (
            READY if row.left_out is None else LEFT_OUT,
            ", ".join(one.code for one in said),
            _joined(one.sentence for one in said),
            _joined(one.remedy for one in said),
            ", ".join(dict.fromkeys(guilty)),
        )
        comments = tuple(
            (self._places[name], _joined(f"{one.sentence} {one.remedy}" for one in said if one.field == name))
            for name in dict.fromkeys(guilty)
        )
        return RowNote(row.row, tuple(map(inert, texts)), comments)

    def _why(self, row: RowTold, code: LeftOut, found: Sequence[Finding]) -> Finding:
        """What leaves a row out, in this row's own words."""
        cause = next((one for one in found if one.severity is not Severity.WARNS), None)
        cause = cause or Finding(code.name.lower(), Severity.LEAVES_OUT, row.words)
        if code in _ABOUT_ADDRESS:
            cause = replace(cause, field=self._address)
        if code is LeftOut.DUPLICATE:
            return replace(cause, sentence=f"{cause.sentence} ({row.words})")
        return replace(cause, sentence=row.words or cause.sentence)


def shown_cells(one: Recipient) -> list[str]:
    """A stored row's cells as they print."""
    return [str(cell[0] if isinstance(cell, list) else cell or "") for cell in json.loads(one.cells)]


def _of_import(conn: Connection, sheet: sheets.Sheet, columns: Sequence[Column]) -> Iterator[Finding]:
    """What the import found odd; who is left out is told row by row."""
    fields = {f"column {column.header}": column.field for column in columns}
    for one in findings.of_sheet(conn, sheet.id):
        if one.severity is Severity.WARNS:
            yield replace(one, field=fields.get(one.where, ""))


def _parted(found: Sequence[Finding], ready: int) -> tuple[list[Finding], list[Finding]]:
    """What is said once, because it holds for the whole campaign or for each of its mails, and what is about some rows."""
    gone = {row for one in found if one.severity is Severity.LEAVES_OUT for row in one.first_rows}

    def holds_for_all(one: Finding) -> bool:
        if one.field or one.severity is Severity.LEAVES_OUT:  # there is a cell to correct, or a row to explain
            return False
        return not one.rows or (ready > 1 and sum(row not in gone for row in one.first_rows) == ready)

    of_all = [one for one in found if holds_for_all(one)]
    return of_all, [one for one in found if not holds_for_all(one)]


def _by_row(found: Iterable[Finding]) -> Mapping[int, Sequence[Finding]]:
    of_rows: dict[int, list[Finding]] = {}
    for one in found:
        for row in one.first_rows:
            of_rows.setdefault(row, []).append(one)
    return of_rows


def _address_field(conn: Connection, sheet: sheets.Sheet, columns: Sequence[Column]) -> str:
    """The field whose cells are the addresses of the first good rows; "" if no row is good."""
    places: set[int] | None = None
    for one in recipients.page(conn, sheet.id, after=0, limit=_LOOKED_AT):
        if one.verdict == RowVerdict.GOOD:
            given = one.given or one.folded
            same = {place for place, cell in enumerate(shown_cells(one)) if cell == given}
            places = same if places is None else places & same
    return columns[min(places)].field if places else ""


def _joined(sentences: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(sentence.strip() for sentence in sentences if sentence))
