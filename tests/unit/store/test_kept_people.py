import sqlite3

import pytest
from sqlalchemy import insert, select

from campaigns.model.states import Repeated
from campaigns.store import addresses, lists, recipients, sheets, tables
from campaigns.store.bulk import insert_new, insert_rows
from campaigns.store.engine import Connection, Store
from campaigns.store.recipients import NewRecipient

SHEET = {
    "sha256": "0" * 64,
    "file_name": "people.csv",
    "kept": True,
    "worksheet": "",
    "encoding": "utf-8",
    "delimiter": ",",
    "header_row": 1,
    "repeated": Repeated.FIRST,
    "at": 0,
    "who": "ada",
}


def a_sheet(conn: Connection, people: int, *, whole: bool = True) -> int:
    sheet_id = sheets.begin(conn, lists.keep(conn, "friends").id, **SHEET)
    ids = addresses.keep(conn, {f"p{n}@example.org": "example.org" for n in range(people)})
    rows = [NewRecipient(sheet_id, n + 2, ids[f"p{n}@example.org"], None, "[]", 0, None) for n in range(people)]
    recipients.add(conn, rows)
    if whole:
        sheets.finish(conn, sheet_id, rows=people, found=[])
    return sheet_id


def test_an_address_keeps_its_id_from_sheet_to_sheet(store: Store) -> None:
    with store.write() as conn:
        first = addresses.keep(conn, {"ada@example.org": "example.org", "bob@example.net": "example.net"})
    with store.write() as conn:
        again = addresses.keep(conn, {"bob@example.net": "example.net", "eve@example.org": "example.org"})
    assert again["bob@example.net"] == first["bob@example.net"]
    assert len({*first.values(), *again.values()}) == 3


def test_domains_stand_once(store: Store) -> None:
    with store.write() as conn:
        addresses.keep(conn, {f"p{n}@example.org": "example.org" for n in range(50)})
        assert conn.scalars(select(tables.domains.c.name)).all() == ["example.org"]


def test_more_addresses_than_a_statement_takes_parameters_are_kept(store: Store) -> None:
    with store.write() as conn:
        ids = addresses.keep(conn, {f"p{n}@example.org": "example.org" for n in range(40_000)})
    assert len(set(ids.values())) == 40_000


def test_nothing_to_keep_is_fine(store: Store) -> None:
    with store.write() as conn:
        assert addresses.keep(conn, {}) == {}


def test_pages_follow_one_another_in_the_order_of_the_rows(store: Store) -> None:
    with store.write() as conn:
        sheet_id = a_sheet(conn, 25)
    with store.read() as conn:
        first = recipients.page(conn, sheet_id, after=0, limit=10)
        second = recipients.page(conn, sheet_id, after=first[-1].row, limit=100)
    assert [one.row for one in [*first, *second]] == list(range(2, 27))
    assert first[0].folded == "p0@example.org"
    assert first[0].lane == 0


def test_a_row_without_an_address_is_on_its_page(store: Store) -> None:
    with store.write() as conn:
        sheet_id = a_sheet(conn, 1)
        recipients.add(conn, [NewRecipient(sheet_id, 9, None, "nonsense", "[]", 1, "no @")])
        found = recipients.at_row(conn, sheet_id, 9)
        assert found is not None
        assert (found.folded, found.note) == (None, "no @")
        assert recipients.at_row(conn, sheet_id, 5) is None


def test_a_sheet_is_seen_only_when_it_is_whole(store: Store) -> None:
    with store.write() as conn:
        list_id = lists.keep(conn, "friends").id
        half = a_sheet(conn, 3, whole=False)
        assert sheets.latest(conn, list_id) is None
        assert lists.names(conn) == []
        assert sheets.leftovers(conn, list_id) == [half]
        sheets.finish(conn, half, rows=3, found=[])
        assert sheets.latest(conn, list_id) == sheets.by_id(conn, half)
        assert lists.names(conn) == ["friends"]


def test_sheets_are_numbered_within_their_list(store: Store) -> None:
    with store.write() as conn:
        assert [sheets.by_id(conn, a_sheet(conn, 1)).n for _ in range(3)] == [1, 2, 3]


def test_a_list_is_found_whatever_the_capitals_and_accents_form(store: Store) -> None:
    with store.write() as conn:
        kept = lists.keep(conn, "Müller")
        assert lists.find(conn, "mu\u0308LLER") == kept
        assert lists.keep(conn, "MÜLLER") == kept


def test_removing_a_row_does_not_scan_the_messages(store: Store) -> None:
    """A foreign key to recipients or shapes, without an index behind it, would scan them for each removed row."""
    for table in ("messages", "left_out"):
        with sqlite3.connect(str(store.path)) as raw:
            parents = {row[2] for row in raw.execute(f"PRAGMA foreign_key_list({table})")}
        raw.close()
        assert not parents & {"recipients", "shapes"}


def test_rows_must_name_every_column_that_has_a_default(store: Store) -> None:
    with store.write() as conn, pytest.raises(AssertionError):
        insert_rows(conn, tables.domains, ("name",), [("example.org",)])


def test_rows_whose_key_is_there_are_passed_over(store: Store) -> None:
    with store.write() as conn:
        conn.execute(insert(tables.domains).values(name="example.org", lane=3))
        insert_new(conn, tables.domains, ("name", "lane"), [("example.org", 0), ("example.net", 0)])
        assert conn.execute(select(tables.domains.c.name, tables.domains.c.lane)).all() == [
            ("example.org", 3),
            ("example.net", 0),
        ]
