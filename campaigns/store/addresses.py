"""Addresses and their domains: the person across sheets. They are kept for good, and only ever added to."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import Connection, select

from campaigns.store.bulk import insert_new
from campaigns.store.prepared import Prepared, among
from campaigns.store.tables import addresses, domains

_AT_ONCE = 5_000  # names of one look


def keep(conn: Connection, folded: Mapping[str, str]) -> dict[str, int]:
    """The ids of addresses, folded address -> domain, adding those that are new."""
    known = _ids(conn, _ADDRESS_IDS, folded)
    new = [address for address in folded if address not in known]
    if new:
        domain_ids = _keep_domains(conn, {folded[address] for address in new})
        insert_new(conn, addresses, ("folded", "domain_id"), [(name, domain_ids[folded[name]]) for name in new])
        known |= _ids(conn, _ADDRESS_IDS, new)
    return known


def _keep_domains(conn: Connection, names: Collection[str]) -> dict[str, int]:
    known = _ids(conn, _DOMAIN_IDS, names)
    new = [name for name in names if name not in known]
    if new:
        insert_new(conn, domains, ("name", "lane"), [(name, 0) for name in new])
        known |= _ids(conn, _DOMAIN_IDS, new)
    return known


def _ids(conn: Connection, query: Prepared, names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in _chunks(names):
        rows: Any = query.one(conn, json.dumps(chunk)).all()
        found.update(rows)
    return found


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while chunk := list(islice(rest, _AT_ONCE)):
        yield chunk


_NAMES = ("names",)
_ADDRESS_IDS = Prepared(
    select(addresses.c.folded, addresses.c.id).where(addresses.c.folded.in_(among("names"))), _NAMES
)
_DOMAIN_IDS = Prepared(select(domains.c.name, domains.c.id).where(domains.c.name.in_(among("names"))), _NAMES)
