from sqlalchemy import event, select

from campaigns.model.states import MessageState, SuppressionReason
from campaigns.store import suppressions
from campaigns.store.engine import Connection, Store
from campaigns.store.tables import messages
from tests.doubles.filled_store import add_campaign, address_of
from tests.doubles.standing_clock import StandingClock

NOW = StandingClock().now()


def suppress(conn: Connection, *addresses: str, domains: tuple[str, ...] = ()) -> suppressions.Added:
    return suppressions.add(
        conn,
        {address: address.rpartition("@")[2] for address in addresses},
        domains,
        reason=SuppressionReason.MANUAL,
        source="test",
        at=NOW,
        who="ada",
    )


def ids(conn: Connection) -> list[int]:
    return list(conn.scalars(select(messages.c.address_id).order_by(messages.c.id)))


def test_a_suppressed_address_is_found_among_others(store: Store) -> None:
    campaign = add_campaign(store, "spring", 3)
    with store.write() as conn:
        suppress(conn, address_of(campaign, 1))
        everybody = ids(conn)
        assert suppressions.suppressed(conn, everybody) == {everybody[1]}


def test_a_suppressed_domain_holds_for_all_its_people_and_no_others(store: Store) -> None:
    add_campaign(store, "spring", 2, domain="example.org")
    add_campaign(store, "summer", 2, domain="mail.example.org")
    with store.write() as conn:
        suppress(conn, domains=("example.org",))
        everybody = ids(conn)
        assert suppressions.suppressed(conn, everybody) == set(everybody[:2])


def test_a_domain_that_nobody_wrote_from_yet_can_be_suppressed(store: Store) -> None:
    with store.write() as conn:
        assert suppress(conn, domains=("example.net",)).new == 1
    add_campaign(store, "spring", 1, domain="example.net")
    with store.read() as conn:
        assert suppressions.suppressed(conn, ids(conn)) == set(ids(conn))


def test_without_suppressions_one_statement_answers_for_any_number_of_people(store: Store) -> None:
    said: list[str] = []
    with store.read() as conn:
        event.listen(conn, "before_cursor_execute", lambda *args: said.append(args[2]))
        assert suppressions.suppressed(conn, range(1, 100_000)) == set()
    assert len(said) == 1


def test_more_people_than_a_statement_takes_parameters_are_looked_up(store: Store) -> None:
    campaign = add_campaign(store, "spring", 1)
    with store.write() as conn:
        suppress(conn, address_of(campaign, 0))
        assert suppressions.suppressed(conn, [*range(1, 40_000), *ids(conn)]) == set(ids(conn))


def test_adding_somebody_twice_keeps_the_first_reason(store: Store) -> None:
    with store.write() as conn:
        assert suppress(conn, "ada@example.com").new == 1
        again = suppressions.add(
            conn,
            {"ada@example.com": "example.com"},
            reason=SuppressionReason.COMPLAINT,
            source="",
            at=NOW,
            who="bob",
        )
        assert again.new == 0
        assert [(one.what, one.reason) for one in suppressions.page(conn, after=0, limit=9)] == [
            ("ada@example.com", SuppressionReason.MANUAL)
        ]


def test_only_queued_messages_of_a_person_are_stopped(store: Store) -> None:
    campaign = add_campaign(store, "spring", 3)
    with store.write() as conn:
        everybody = ids(conn)
        conn.execute(messages.update().where(messages.c.address_id == everybody[2]).values(state=MessageState.LEASED))
        assert suppressions.stop_queued(conn, everybody[1:], NOW) == 1
        states = conn.scalars(
            select(messages.c.state).where(messages.c.campaign_id == campaign).order_by(messages.c.id)
        )
        assert list(states) == [MessageState.QUEUED, MessageState.SUPPRESSED, MessageState.LEASED]


def test_a_lifted_suppression_holds_no_longer(store: Store) -> None:
    campaign = add_campaign(store, "spring", 1)
    with store.write() as conn:
        suppress(conn, address_of(campaign, 0), domains=("example.com",))
        assert suppressions.remove(conn, address_of(campaign, 0))
        assert suppressions.suppressed(conn, ids(conn)) == set(ids(conn))  # the domain still holds
        assert suppressions.remove(conn, "@example.com")
        assert not suppressions.remove(conn, "@example.com")
        assert suppressions.suppressed(conn, ids(conn)) == set()
