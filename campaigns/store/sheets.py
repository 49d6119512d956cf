"""Sheets: one import each, immutable; invisible (`n` is null) until all of its rows are in."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from campaigns.model.column import CellKind, Column, Role, Why
from campaigns.model.states import Repeated
from campaigns.store import tables
from campaigns.store.tables import columns, sheets

_WITHDRAWN = -1  # for `rows`: whoever fills the sheet must not finish it any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet as it stands in the store; `at` is microseconds UTC."""

    id: int
    list_id: int
    n: int  # 1 for the first sheet of its list
    sha256: str
    file_name: str
    kept: bool
    worksheet: str
    encoding: str
    delimiter: str
    header_row: int
    repeated: Repeated
    rows: int
    at: int
    who: str
    pruned_at: int | None  # microseconds UTC; None while its cells are there


def begin(
    conn: Connection,
    list_id: int,
    *,
    sha256: str,
    file_name: str,
    kept: bool,
    worksheet: str,
    encoding: str,
    delimiter: str,
    header_row: int,
    repeated: Repeated,
    at: int,
    who: str,
) -> int:
    """A sheet that nobody sees yet; its id."""
    made: int = conn.scalars(
        insert(sheets)
        .values(
            list_id=list_id,
            sha256=sha256,
            file_name=file_name,
            kept=kept,
            worksheet=worksheet,
            encoding=encoding,
            delimiter=delimiter,
            header_row=header_row,
            repeated=str(repeated),
            at=at,
            who=who,
        )
        .returning(sheets.c.id)
    ).one()
    return made


def is_coming_in(conn: Connection, sheet_id: int) -> bool:
    """Whether a begun sheet may still grow: another import into its list withdraws it."""
    query = select(sheets.c.id).where(sheets.c.id == sheet_id, sheets.c.n.is_(None), sheets.c.rows != _WITHDRAWN)
    return conn.scalar(query) is not None


def withdraw(conn: Connection, sheet_id: int) -> bool:
    """Stop a sheet that is coming in for good, before its rows are removed; False if it is whole, or gone."""
    begun = and_(sheets.c.id == sheet_id, sheets.c.n.is_(None))
    return conn.execute(update(sheets).where(begun).values(rows=_WITHDRAWN)).rowcount == 1


def finish(conn: Connection, sheet_id: int, *, rows: int, found: Iterable[Column]) -> int:
    """Make a sheet visible, with its columns; its number within the list."""
    list_id = conn.scalar(select(sheets.c.list_id).where(sheets.c.id == sheet_id))
    last = conn.scalar(select(func.max(sheets.c.n)).where(sheets.c.list_id == list_id)) or 0
    conn.execute(update(sheets).where(sheets.c.id == sheet_id).values(n=last + 1, rows=rows))
    if new := [{"sheet_id": sheet_id, **asdict(column)} for column in found]:
        conn.execute(insert(columns), new)
    return int(last) + 1


def leftovers(conn: Connection, list_id: int) -> Sequence[int]:
    """Sheets whose import never came to its end."""
    return conn.scalars(select(sheets.c.id).where(sheets.c.list_id == list_id, sheets.c.n.is_(None))).all()


def remove(conn: Connection, sheet_id: int) -> None:
    """Forget a sheet without rows."""
    conn.execute(delete(tables.findings).where(tables.findings.c.sheet_id == sheet_id))
    conn.execute(delete(columns).where(columns.c.sheet_id == sheet_id))
    conn.execute(delete(sheets).where(sheets.c.id == sheet_id))


def latest(conn: Connection, list_id: int) -> Sheet | None:
    """The newest whole sheet of a list."""
    row = conn.execute(
        select(sheets).where(sheets.c.list_id == list_id, sheets.c.n.is_not(None)).order_by(sheets.c.n.desc()).limit(1)
    ).one_or_none()
    return _sheet(row) if row else None


def of_content(conn: Connection, list_id: int, sha256: str) -> Sheet | None:
    """The newest whole sheet of a list that was made from a file of that hash."""
    mine = and_(sheets.c.list_id == list_id, sheets.c.sha256 == sha256, sheets.c.n.is_not(None))
    row = conn.execute(select(sheets).where(mine).order_by(sheets.c.n.desc()).limit(1)).one_or_none()
    return _sheet(row) if row else None


def by_id(conn: Connection, sheet_id: int) -> Sheet:
    return _sheet(conn.execute(select(sheets).where(sheets.c.id == sheet_id)).one())


def kept_files(conn: Connection) -> list[tuple[str, str]]:
    """Hash and name of each imported file that the workspace keeps."""
    kept = and_(sheets.c.kept, sheets.c.n.is_not(None), sheets.c.pruned_at.is_(None))
    query = select(sheets.c.sha256, sheets.c.file_name).where(kept).distinct()
    return [(row.sha256, row.file_name) for row in conn.execute(query)]


def columns_of(conn: Connection, sheet_id: int) -> tuple[Column, ...]:
    """In the order of the sheet."""
    query = select(columns).where(columns.c.sheet_id == sheet_id).order_by(columns.c.place)
    return tuple(
        Column(
            row.place,
            row.header,
            row.field,
            CellKind(row.kind),
            row.format,
            row.locale,
            row.empty,
            Role(row.role),
            Why(row.why),
            row.holds,
        )
        for row in conn.execute(query)
    )


def _sheet(row: Row[Any]) -> Sheet:
    return Sheet(**{**row._asdict(), "repeated": Repeated(row.repeated)})
