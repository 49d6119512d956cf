from datetime import timedelta

from campaigns.store import workers
from campaigns.store.engine import Store
from tests.doubles.standing_clock import StandingClock

NOW = StandingClock().now()


def test_nobody_is_alive_in_a_new_store(store: Store) -> None:
    with store.read() as conn:
        assert workers.alive(conn, NOW) is None


def test_a_worker_is_alive_for_fifteen_seconds_after_its_beat(store: Store) -> None:
    with store.write() as conn:
        worker_id = workers.start(conn, version="0.1.0", at=NOW)
        workers.beat(conn, worker_id, at=NOW + timedelta(seconds=5), doing={"campaigns": {"spring": {"rate": 1.5}}})
        found = workers.alive(conn, NOW + timedelta(seconds=20))
        assert found is not None
        assert (found.id, found.version, found.doing) == (worker_id, "0.1.0", {"campaigns": {"spring": {"rate": 1.5}}})
        assert workers.alive(conn, NOW + timedelta(seconds=20, microseconds=1)) is None


def test_a_stopped_worker_is_not_alive(store: Store) -> None:
    with store.write() as conn:
        worker_id = workers.start(conn, version="0.1.0", at=NOW)
        workers.stopped(conn, worker_id, at=NOW)
        assert workers.alive(conn, NOW) is None


def test_a_beat_from_before_the_clock_was_set_back_counts_no_longer(store: Store) -> None:
    with store.write() as conn:
        workers.start(conn, version="0.1.0", at=NOW)
        assert workers.alive(conn, NOW - timedelta(hours=1)) is None
