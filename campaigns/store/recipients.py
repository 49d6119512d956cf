"""Recipients: the rows of a sheet, written once, read in order."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select

from campaigns.model.states import RowVerdict
from campaigns.store.bulk import insert_rows
from campaigns.store.tables import JOINED, addresses, domains, recipients


class Recipient(NamedTuple):
    """A row of a sheet with what its message needs besides: the person's folded address and the domain's lane."""

    id: int
    row: int
    address_id: int | None
    given: str | None  # the address as typed, where it differs from the folded one
    cells: str  # JSON array in column order
    verdict: int  # RowVerdict
    note: str | None
    folded: str | None
    domain_id: int | None
    lane: int | None


class NewRecipient(NamedTuple):
    sheet_id: int
    row: int
    address_id: int | None
    given: str | None
    cells: str
    verdict: int
    note: str | None


def add(conn: Connection, rows: Sequence[NewRecipient]) -> None:
    insert_rows(conn, recipients, NewRecipient._fields, rows)


def page(conn: Connection, sheet_id: int, *, after: int, limit: int) -> list[Recipient]:
    """The next rows of a sheet behind row `after`, in order."""
    return [Recipient._make(row) for row in conn.execute(_PAGE, {"sheet": sheet_id, "after": after, "limit": limit})]


def at_row(conn: Connection, sheet_id: int, row: int) -> Recipient | None:
    found = page(conn, sheet_id, after=row - 1, limit=1)
    return found[0] if found and found[0].row == row else None


def first_good(conn: Connection, sheet_id: int) -> Recipient | None:
    found = conn.execute(_FIRST_GOOD, {"sheet": sheet_id, "after": 0, "limit": 1}).one_or_none()
    return Recipient._make(found) if found else None


def joined(conn: Connection, sheet_id: int, address_ids: Collection[int]) -> dict[int, list[str]]:
    """The cells of the further rows of these people, in order, where such rows are joined into the first."""
    query = (
        select(recipients.c.address_id, recipients.c.cells)
        .where(JOINED, recipients.c.sheet_id == sheet_id, recipients.c.address_id.in_(address_ids))
        .order_by(recipients.c.address_id, recipients.c.row)
    )
    found: dict[int, list[str]] = {}
    for row in conn.execute(query):
        found.setdefault(row.address_id, []).append(row.cells)
    return found


def by_person(conn: Connection, sheet_id: int) -> Iterator[tuple[int, str, int]]:
    """(address id, cells, row) of all rows that stand in a mail, in the order of the ids, streamed."""
    in_a_mail = recipients.c.verdict.in_([int(RowVerdict.GOOD), int(RowVerdict.JOINED)])
    query = (
        select(recipients.c.address_id, recipients.c.cells, recipients.c.row)
        .where(recipients.c.sheet_id == sheet_id, in_a_mail)
        .order_by(recipients.c.address_id, recipients.c.row)
        .execution_options(yield_per=2_000)
    )
    for row in conn.execute(query):
        yield row.address_id, row.cells, row.row


def count(conn: Connection, sheet_id: int) -> dict[RowVerdict, int]:
    query = select(recipients.c.verdict, func.count()).where(recipients.c.sheet_id == sheet_id)
    return {RowVerdict(verdict): n for verdict, n in conn.execute(query.group_by(recipients.c.verdict))}


def remove_some(conn: Connection, sheet_id: int, *, limit: int) -> int:
    """Remove up to `limit` rows of a sheet that never became whole; how many it removed."""
    some = select(recipients.c.id).where(recipients.c.sheet_id == sheet_id).limit(limit)
    return conn.execute(delete(recipients).where(recipients.c.id.in_(some))).rowcount


_PAGE = (
    select(
        recipients.c.id,
        recipients.c.row,
        recipients.c.address_id,
        recipients.c.given,
        recipients.c.cells,
        recipients.c.verdict,
        recipients.c.note,
        addresses.c.folded,
        addresses.c.domain_id,
        domains.c.lane,
    )
    .join(addresses, addresses.c.id == recipients.c.address_id, isouter=True)
    .join(domains, domains.c.id == addresses.c.domain_id, isouter=True)
    .where(recipients.c.sheet_id == bindparam("sheet"), recipients.c.row > bindparam("after"))
    .order_by(recipients.c.row)
    .limit(bindparam("limit"))
)

_FIRST_GOOD = _PAGE.where(recipients.c.verdict == int(RowVerdict.GOOD))
