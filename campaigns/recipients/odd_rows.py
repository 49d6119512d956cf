"""What is odd about rows as a whole, as Findings."""

from collections.abc import Sequence

from campaigns.model.finding import FIRST_ROWS, Finding
from campaigns.model.states import Severity
from campaigns.recipients.addresses import excerpt


def address_in_link(given: str, header: str) -> Finding:
    return Finding(
        code="address_in_link",
        severity=Severity.WARNS,
        sentence=f"{excerpt(given)} in {header} shows no address, but is a link to one: that was read.",
        remedy="Nothing to do, unless the link is wrong. To use the name in a mail, give it a column of its own.",
        where=f"column {header}",
    )


def link_elsewhere(given: str, address: str, header: str) -> Finding:
    return Finding(
        code="link_elsewhere",
        severity=Severity.WARNS,
        sentence=f"{excerpt(given)} in {header} is a link to another address, {excerpt(address)}: what the cell shows was read.",
        remedy="Look which of the two is right.",
        where=f"column {header}",
    )


def name_beside_address(given: str, header: str) -> Finding:
    return Finding(
        code="name_beside_address",
        severity=Severity.WARNS,
        sentence=f"{excerpt(given)} in {header} holds a name beside the address: the address was read.",
        remedy="Nothing to do. To use the name in a mail, give it a column of its own.",
        where=f"column {header}",
    )


def open_elsewhere(file: str) -> Finding:
    return Finding(
        code="open_elsewhere",
        severity=Severity.WARNS,
        sentence=f"{file} is open in another program: what is not saved there yet was not read.",
        remedy="Save it, close it in Excel, and import it again.",
        where=file,
    )


def beyond_columns(last: str) -> Finding:
    return Finding(
        code="cells_beyond_columns",
        severity=Severity.WARNS,
        sentence="Cells to the right of the last column were not read.",
        remedy="Give their column a header to have it imported.",
        where=f"right of column {last}",
    )


def hidden(rows: Sequence[int], worksheet: str, *, read: bool) -> Finding:
    return Finding(
        code="hidden_rows",
        severity=Severity.WARNS,
        sentence=f"Rows that are hidden or filtered away in the sheet were {'read, too' if read else 'skipped'}.",
        remedy="Nothing to do: --hidden-rows said so.",
        where=f"worksheet {worksheet}",
        rows=len(rows),
        first_rows=tuple(rows[:FIRST_ROWS]),
    )
