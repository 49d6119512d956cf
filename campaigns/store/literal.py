"""Numbers that stand in a statement itself."""

from typing import Any

from sqlalchemy import literal_column


def literal(number: int) -> Any:
    """SQLite uses a partial index only where its condition is met by a literal, never by a parameter."""
    return literal_column(str(int(number)))
