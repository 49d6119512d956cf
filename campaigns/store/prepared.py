"""Statements compiled once, for the path that every message takes.

Core finds a statement in its cache by walking all of it, which costs 100 us a call, and handles each parameter of each
row; a lease of thirty messages takes as long. The text is still Core's, so it stays portable.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Delete, Insert, Select, Update, bindparam, column, func, select


class Prepared:
    """A Core statement whose parameters are given as tuples in the order of `names`."""

    def __init__(self, statement: Update | Insert | Delete | Select[Any], names: tuple[str, ...]) -> None:
        self._statement = statement
        self._names = names
        self._text = ""
        self._order: list[int] | None = None  # where the driver's parameters stand in ours; None for named ones

    def one(self, connection: Connection, *values: Any) -> CursorResult[Any]:
        """Run it once."""
        return self._run(connection, [values])

    def all(self, connection: Connection, *values: Any) -> list[Any]:
        """Its rows as the driver gives them, plain tuples: Core's rows cost as much as reading them."""
        cursor = self.one(connection, *values).cursor
        assert cursor is not None
        return list(cursor.fetchall())

    def each(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run it for each row."""
        if rows:
            self._run(connection, rows)

    def _run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> CursorResult[Any]:
        if not self._text:
            self._compile(connection)
        if self._order is None:
            return connection.exec_driver_sql(self._text, [dict(zip(self._names, row, strict=True)) for row in rows])
        order = self._order
        parameters = [tuple([row[place] for place in order]) for row in rows]
        return connection.exec_driver_sql(self._text, parameters if len(parameters) > 1 else parameters[0])

    def _compile(self, connection: Connection) -> None:
        compiled = self._statement.compile(dialect=connection.dialect)
        if compiled.positiontup is not None:
            self._order = [self._names.index(name) for name in compiled.positiontup]
        self._text = str(compiled)


def among(parameter: str) -> Select[Any]:
    """The numbers of a JSON array given as one parameter: one text of the statement for any count of them."""
    return select(column("value")).select_from(func.json_each(bindparam(parameter)))


def numbers(ids: Iterable[int]) -> str:
    """What `among` takes."""
    return f"[{','.join(map(str, ids))}]"
