"""Lanes in the store: domains and queued messages stand in those of their groups, a canary's in their own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from campaigns.model.states import MessageState, Wave
from campaigns.store import canaries, lanes, tables
from campaigns.store.engine import Store
from tests.doubles.filled_store import add_campaign, new_store

GROUPS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com", "school.example": "school.example"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path)
    yield store
    store.close()


def lanes_of(store: Store, campaign_id: int) -> list[int]:
    query = select(tables.messages.c.lane).where(tables.messages.c.campaign_id == campaign_id)
    with store.read() as conn:
        return list(conn.scalars(query.order_by(tables.messages.c.id)))


def test_what_is_queued_moves_with_its_domain_and_what_is_settled_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_AT_ONCE", 3)  # several transactions
    google = add_campaign(store, "one", 7, domain="googlemail.com", canary=2)
    other = add_campaign(store, "two", 3)
    with store.write() as conn:
        first = update(tables.messages).where(tables.messages.c.id == 4)
        conn.execute(first.values(state=int(MessageState.ACCEPTED)))
    lanes.settle(store, GROUPS)
    assert lanes_of(store, google) == [-2, -2, 1, 0, 1, 1, 1]
    assert lanes_of(store, other) == [0, 0, 0]
    lanes.settle(store, {"googlemail.com": "elsewhere.example"})
    assert lanes_of(store, google) == [-3, -3, 2, 0, 2, 2, 2]
    lanes.settle(store, {})
    assert lanes_of(store, google) == [-1, -1, 0, 0, 0, 0, 0]
    with store.read() as conn:
        assert lanes.names(conn) == {1: "gmail.com", 2: "elsewhere.example"}  # numbers are kept for good


@pytest.mark.parametrize("number", [1, 3, 20, 39])
def test_a_canary_is_taken_evenly_and_given_back(store: Store, number: int) -> None:
    campaign = add_campaign(store, "one", 40, domain="gmail.com", group="gmail.com")
    with store.write() as conn:
        ids = canaries.evenly(conn, campaign, number, 40)
        assert len(ids) == len(set(ids)) == number
        gaps = [after - before for before, after in itertools.pairwise(ids)]
        assert all(40 // number <= gap <= 40 // number + 1 for gap in gaps)
        canaries.mark(conn, ids)
        canaries.mark(conn, ids)  # marked is marked
    found = lanes_of(store, campaign)
    assert [found.count(-2), found.count(1)] == [number, 40 - number]
    with store.write() as conn:
        assert canaries.unmark(conn, campaign, limit=100) == number
        assert set(conn.scalars(select(tables.messages.c.wave))) == {Wave.REST}
    assert set(lanes_of(store, campaign)) == {1}


def test_people_keep_their_zone_when_their_domain_comes_into_another_group(store: Store) -> None:
    google = add_campaign(store, "one", 4, domain="googlemail.com", canary=1)
    with store.write() as conn:
        tokyo, paris = lanes.part(conn, 0, "Asia/Tokyo"), lanes.part(conn, 0, "Europe/Paris")
        for message_id, lane in enumerate((-1 - tokyo, tokyo, paris, 0), start=1):
            conn.execute(update(tables.messages).where(tables.messages.c.id == message_id).values(lane=lane))
    lanes.settle(store, GROUPS)
    with store.read() as conn:
        parts, [group] = lanes.parts(conn), lanes.names(conn)
    found = lanes_of(store, google)
    assert [parts.get(lanes.plain(lane), (lane, "")) for lane in found] == [
        (group, "Asia/Tokyo"),
        (group, "Asia/Tokyo"),
        (group, "Europe/Paris"),
        (group, ""),
    ]
    assert [lane < 0 for lane in found] == [True, False, False, False]
    lanes.settle(store, {})
    assert lanes_of(store, google) == [-1 - tokyo, tokyo, paris, 0]
