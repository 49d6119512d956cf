"""Lists: a name under which sheets follow one another."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from campaigns.store.tables import lists, sheets


@dataclass(frozen=True, slots=True)
class List:
    id: int
    name: str


def find(conn: Connection, name: str) -> List | None:
    """The list of that name, whatever its capitals."""
    row = conn.execute(select(lists.c.id, lists.c.name).where(lists.c.folded == _folded(name))).one_or_none()
    return List(*row) if row else None


def by_id(conn: Connection, list_id: int) -> List:
    return List(*conn.execute(select(lists.c.id, lists.c.name).where(lists.c.id == list_id)).one())


def names(conn: Connection) -> Sequence[str]:
    """Every list that has a whole sheet."""
    whole = select(sheets.c.list_id).where(sheets.c.n.is_not(None))
    return conn.scalars(select(lists.c.name).where(lists.c.id.in_(whole)).order_by(lists.c.name)).all()


def keep(conn: Connection, name: str) -> List:
    """The list of that name, made if there is none."""
    found = find(conn, name)
    if found:
        return found
    made: int = conn.scalars(insert(lists).values(name=name, folded=_folded(name)).returning(lists.c.id)).one()
    return List(made, name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()
