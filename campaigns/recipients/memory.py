"""What a list's next sheet keeps of its last one, column by column with the same header."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from campaigns.model.column import CellKind, Column, Role, Why
from campaigns.recipients.kinds import Reading
from campaigns.recipients.names import fold
from campaigns.recipients.roles import Roles

FIELD, KIND, WRITING = "field", "kind", "writing"  # what `Column.holds` says


def same_columns(headers: Sequence[str], before: Sequence[Column]) -> dict[int, Column]:
    """The last sheet's columns by their places in this one; the second of a header is the second again."""
    old = _numbered([column.header for column in before])
    places = {key: place for place, key in enumerate(_numbered(headers))}
    return {places[key]: column for key, column in zip(old, before, strict=True) if key in places}


def _numbered(headers: Sequence[str]) -> list[tuple[str, int]]:
    seen: dict[str, int] = {}
    numbered = []
    for header in headers:
        key = fold(header) or header
        seen[key] = seen.get(key, 0) + 1
        numbered.append((key, seen[key]))
    return numbered


def kept_fields(before: Mapping[int, Column], said: Mapping[int, str]) -> dict[int, str]:
    """The fields that a person named then and does not name anew, by place."""
    anew = set(said.values())
    return {
        place: column.field
        for place, column in before.items()
        if FIELD in column.holds.split() and place not in said and column.field not in anew
    }


def with_roles(
    headers: Sequence[str], fields: Sequence[str], roles: Roles, said: Container[int], kept: Container[int]
) -> tuple[Column, ...]:
    """The columns before their cells are read; `said` and `kept`: places of which a person named the field."""
    columns = []
    for place, (header, field) in enumerate(zip(headers, fields, strict=True)):
        role, why = roles.get(place, (Role.NONE, Why.CONTENT))
        why = Why.SAID if place in said else Why.LAST if place in kept else why
        holds = FIELD if place in said or place in kept else ""
        columns.append(Column(place, header, field, role=role, why=why, holds=holds))
    return tuple(columns)


def kept_kinds(before: Mapping[int, Column], said: Mapping[int, CellKind]) -> dict[int, CellKind]:
    """The kinds that a person named then and does not name anew, by place."""
    return {
        place: column.kind for place, column in before.items() if KIND in column.holds.split() and place not in said
    }


def proved_before(before: Mapping[int, Column]) -> dict[int, Column]:
    """The columns of which the last sheet proved how their numbers or dates are written."""
    return {place: column for place, column in before.items() if WRITING in column.holds.split()}


def with_reading(column: Column, reading: Reading, *, said: bool, kept: bool) -> Column:
    """The column as its cells are read; `said` and `kept`: a person named its kind, now or last time."""
    holds = [FIELD] if column.holds else []
    holds += [KIND] if said or kept else []
    holds += [WRITING] if reading.proved else []
    why = column.why
    if said:
        why = Why.SAID
    elif (kept or reading.as_last_time) and why is not Why.SAID:
        why = Why.LAST
    return replace(
        column, kind=reading.kind, format=reading.format, locale=reading.locale, why=why, holds=" ".join(holds)
    )
