from collections.abc import Iterator

import pytest
from sqlalchemy import delete, func, select, update

from campaigns.clock import SystemClock
from campaigns.message.shape import Escape, Hole, Shape
from campaigns.model.states import CampaignState, LeftOut, MessageState, SuppressionReason, Wave
from campaigns.store import (
    addresses,
    campaigns,
    lists,
    outbox,
    shapes,
    staging,
    suppressions,
    tables,
    underway,
    versions,
)
from campaigns.store.engine import Connection, Store
from campaigns.store.staging import NewLeftOut, NewMessage

SHAPE = Shape(("Hello ", Hole(0, Escape.PLAIN)), ("text",), ("<p>", Hole(0, Escape.HTML)))
DRAFT = (CampaignState.DRAFT,)


@pytest.fixture
def conn(store: Store) -> Iterator[Connection]:
    with store.write() as conn:
        yield conn


@pytest.fixture
def campaign(conn: Connection) -> int:
    return new_campaign(conn, "spring")


def new_campaign(conn: Connection, name: str) -> int:
    return campaigns.insert(
        conn,
        name=name,
        kind="bulk",
        state="draft",
        list_id=lists.keep(conn, "friends").id,
        template="templates/t.md",
        sender="ada@example.org",
        transport="local",
        leaves=False,
        zone="UTC",
        late_after=3600,
        give_up_after=86400,
        tag_salt=b"salt",
        made_at=0,
        who="ada",
    )


def stage(conn: Connection, campaign: int, people: int, *, wave: Wave = Wave.REST) -> int:
    version = versions.keep(conn, template="t", kind="md", sha256="1", source=b"", at=0, who="ada")
    shape = shapes.keep(conn, campaign, version, SHAPE, {})
    ids = addresses.keep(conn, {f"p{n}@example.org": "example.org" for n in range(people)})
    new = [
        NewMessage(campaign, n, key, 0, wave, MessageState.QUEUED, 0, 0, 0, shape, None, b"\x01", bytes(8))
        for n, key in enumerate(ids.values())
    ]
    staging.add(conn, new, [])
    return shape


def test_only_the_last_check_that_began_may_stage(conn: Connection, campaign: int) -> None:
    assert staging.begin(conn, campaign, "first", allowed=DRAFT)
    assert staging.is_ours(conn, campaign, "first")
    assert staging.begin(conn, campaign, "second", allowed=DRAFT)
    assert not staging.is_ours(conn, campaign, "first")
    assert not finish(conn, campaign, "first")
    assert finish(conn, campaign, "second")


def test_a_campaign_that_sends_is_not_prepared_again(conn: Connection, campaign: int) -> None:
    conn.execute(update(tables.campaigns).values(state="sending"))
    assert not staging.begin(conn, campaign, "late", allowed=DRAFT)


def finish(conn: Connection, campaign: int, token: str) -> bool:
    return staging.finish(
        conn,
        campaign,
        token,
        state=CampaignState.CHECKED,
        rows=0,
        sheet_id=None,
        version_id=None,
        prints_today=False,
        sender="",
        reply_to="",
        public_url="",
        prepared="as it is",
        fingerprint="f",
    )


def queue(conn: Connection, campaign: int, prepared: str = "as it is") -> bool:
    return staging.queue(
        conn,
        campaign,
        prepared=prepared,
        checked_for="maildir",
        transport="local",
        leaves=False,
        zone="UTC",
        starts_wall="",
        starts_at=1,
        at=1,
    )


def test_staged_messages_are_out_of_the_worker_s_sight_until_they_are_queued(conn: Connection, campaign: int) -> None:
    stage(conn, campaign, 3)
    staging.begin(conn, campaign, "me", allowed=DRAFT)
    finish(conn, campaign, "me")
    assert underway.sending_campaigns(conn) == []
    assert queue(conn, campaign)
    assert underway.due_campaigns(conn, 1)[0].id == campaign


def test_a_campaign_that_changed_since_its_check_is_not_queued(conn: Connection, campaign: int) -> None:
    staging.begin(conn, campaign, "me", allowed=DRAFT)
    assert not queue(conn, campaign)
    finish(conn, campaign, "me")
    assert not queue(conn, campaign, prepared="otherwise")
    assert queue(conn, campaign)
    assert not queue(conn, campaign)


def test_nobody_stands_twice_in_a_campaign(conn: Connection, campaign: int) -> None:
    from sqlalchemy.exc import IntegrityError

    stage(conn, campaign, 1)
    with pytest.raises(IntegrityError):
        stage(conn, campaign, 1)


def test_a_proof_stands_beside_the_person_s_message(conn: Connection, campaign: int) -> None:
    stage(conn, campaign, 1)
    stage(conn, campaign, 1, wave=Wave.PROOF)
    assert staging.count_messages(conn, campaign) == 1


def test_messages_are_removed_batch_by_batch_and_proofs_stay(conn: Connection, campaign: int) -> None:
    other = new_campaign(conn, "autumn")
    stage(conn, campaign, 5)
    stage(conn, other, 5)
    stage(conn, campaign, 1, wave=Wave.PROOF)
    assert [staging.remove_messages(conn, campaign, limit=3) for _ in range(3)] == [3, 2, 0]
    assert staging.count_messages(conn, other) == 5
    assert len(outbox.proofs(conn, campaign, limit=10)) == 1


def test_left_out_rows_are_counted_and_removed_batch_by_batch(conn: Connection, campaign: int) -> None:
    left = [NewLeftOut(campaign, n, LeftOut.REJECTED if n else LeftOut.FINDING, None) for n in range(5)]
    staging.add(conn, [], left)
    assert staging.count_left_out(conn, campaign) == {LeftOut.REJECTED: 4, LeftOut.FINDING: 1}
    assert [staging.remove_left_out(conn, campaign, limit=3) for _ in range(3)] == [3, 2, 0]


def test_a_shape_is_kept_once_and_reads_back_as_it_was(conn: Connection, campaign: int) -> None:
    shape_id = stage(conn, campaign, 1)
    assert stage(conn, campaign, 0) == shape_id
    assert outbox.shape(conn, shape_id, {}) == SHAPE


def test_constants_are_kept_once_a_template_version(conn: Connection, campaign: int) -> None:
    stage(conn, campaign, 0)
    stage(conn, new_campaign(conn, "autumn"), 0)
    assert conn.scalar(select(func.count()).select_from(tables.constants)) == 3  # "Hello ", "text", "<p>"


@pytest.mark.parametrize("state", [MessageState.QUEUED, MessageState.LEASED, MessageState.ACCEPTED])
def test_shapes_go_with_their_messages_but_for_those_of_proofs(
    conn: Connection, campaign: int, state: MessageState
) -> None:
    shape_id = stage(conn, campaign, 1, wave=Wave.PROOF)
    stage(conn, new_campaign(conn, "autumn"), 1)
    conn.execute(update(tables.messages).values(state=int(state)))
    assert shapes.remove_some(conn, campaign, limit=10) == 0
    conn.execute(delete(tables.messages).where(tables.messages.c.campaign_id == campaign))
    assert shapes.remove_some(conn, campaign, limit=10) == 1
    assert conn.scalar(select(tables.shapes.c.id).where(tables.shapes.c.id == shape_id)) is None
    assert conn.scalar(select(func.count()).select_from(tables.shapes)) == 1


def suppress(conn: Connection, *people: str, domains: tuple[str, ...] = ()) -> None:
    whose = {person: person.partition("@")[2] for person in people}
    suppressions.add(
        conn, whose, domains, reason=SuppressionReason.MANUAL, source="", at=SystemClock().now(), who="ada"
    )


def suppress_all(conn: Connection, campaign: int) -> list[int]:
    found, after = [], 0
    while after is not None:
        n, after = staging.suppress_some(conn, campaign, after=after, limit=2, at=7)
        found.append(n)
    return found


def test_people_suppressed_since_the_check_are_settled_stretch_by_stretch(conn: Connection, campaign: int) -> None:
    stage(conn, campaign, 5)
    suppress(conn, "p0@example.org", "p3@example.org", "p4@example.org")
    assert suppress_all(conn, campaign) == [1, 1, 1]
    assert staging.count_messages(conn, campaign) == 2


def test_so_is_everybody_of_a_suppressed_domain(conn: Connection, campaign: int) -> None:
    stage(conn, campaign, 5)
    suppress(conn, domains=("example.org",))
    assert sum(suppress_all(conn, campaign)) == 5


def test_a_state_is_changed_only_from_those_allowed(conn: Connection, campaign: int) -> None:
    allowed = [CampaignState.CHECKED]
    assert not campaigns.change_state(conn, campaign, CampaignState.PAUSED, allowed=allowed)
    assert campaigns.change_state(conn, campaign, CampaignState.PAUSED, allowed=DRAFT, reason="person")
    found = campaigns.find(conn, "spring")
    assert found == campaigns.by_id(conn, campaign)
    assert found is not None
    assert (found.state, found.reason) == (CampaignState.PAUSED, "person")


def test_an_unknown_campaign_is_none(conn: Connection) -> None:
    assert campaigns.find(conn, "winter") is None
