"""Rows as checks of addresses see them."""

from collections.abc import Iterable
from typing import NamedTuple


class Person(NamedTuple):
    row: int
    folded: str | None
    domain_id: int | None


def people(addresses: Iterable[str], first_row: int = 2) -> list[Person]:
    """A row for each address; domains are numbered from 1 as they come."""
    ids: dict[str, int] = {}
    return [
        Person(row, address, ids.setdefault(address.rpartition("@")[2], len(ids) + 1))
        for row, address in enumerate(addresses, start=first_row)
    ]
