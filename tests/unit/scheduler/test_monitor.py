"""What `/metrics` and `/healthz` answer, over HTTP, and that nobody who reads them is in the way."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from campaigns.errors import SettingsError
from campaigns.model.states import CampaignState, MessageState
from campaigns.store import tables
from campaigns.store.backlog import backlog
from campaigns.store.engine import Store
from campaigns.store.reporting import count_messages
from scheduler.doing import Beat
from scheduler.monitor import STILL, Monitor
from tests.doubles.filled_store import add_campaign
from tests.doubles.standing_clock import StandingClock

SECOND = 1_000_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Watched:
    """A monitor on a port of its own, and somebody who reads it."""

    def __init__(self, store: Store) -> None:
        self.clock = StandingClock()
        self.listen = f"127.0.0.1:{free_port()}"
        self.monitor = Monitor(self.listen, store, self.clock, "1.2.3")

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{self.listen}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def health(self) -> tuple[int, str]:
        status, body = self.get("/healthz")
        told = json.loads(body)
        assert told["healthy"] == (status == 200)
        assert told["version"] == "1.2.3"
        return status, told["reason"]

    def figures(self) -> dict[tuple[str, ...], float]:
        """By name and the values of its labels, in the order of the labels' names."""
        status, body = self.get("/metrics")
        assert status == 200
        families = list(text_string_to_metric_families(body))
        assert all(family.documentation and family.name.startswith("mergecast_") for family in families)
        return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}

    def counted(self) -> None:
        """Wait for the count that is on its way."""
        assert self.monitor._counting is not None
        self.monitor._counting.result(timeout=30)


@pytest.fixture
def watched(store: Store) -> Iterator[Watched]:
    watched = Watched(store)
    yield watched
    watched.monitor.close()


def beat(*, disk: str = "", refusal: str = "", troubles: Any = (), **more: Any) -> Beat:
    campaigns = more.pop("campaigns", {})
    warm_ups = [{"whose": "relay", "day": 3, "room": 120}]
    doing = {"campaigns": campaigns, "troubles": list(troubles), "disk": disk, "warm_ups": warm_ups}
    return Beat(
        doing=doing, refusal=refusal, free=5 * 10**9, settled=more.pop("settled", {}), rests=more.pop("rests", {})
    )


def test_healthy_while_it_moves_and_says_why_when_it_does_not(watched: Watched) -> None:
    monitor = watched.monitor
    monitor.started()
    assert watched.health() == (200, "")
    monitor.beat(beat(troubles=[{"transport": "relay", "sentence": "No answer."}]))
    assert watched.health() == (200, "")  # the worker moves; the outage is another's
    monitor.beat(beat(disk="Only 3 MB are free."))
    assert watched.health() == (503, "Only 3 MB are free.")
    monitor.beat(beat(refusal="The database is read-only."))
    assert watched.health() == (503, "The database is read-only.")
    monitor.beat(beat(troubles=[{"transport": "", "sentence": "The disk is full."}]))
    assert watched.health() == (503, "The disk is full.")
    monitor.beat(beat())
    assert watched.health() == (200, "")
    watched.clock.move(seconds=STILL + 1)
    assert watched.health() == (503, "The worker stands still: no sign of life for 16 s.")
    monitor.beat(beat())
    monitor.stopping()
    assert watched.health() == (503, "The worker is stopping.")


def test_the_figures_are_what_the_last_beat_told(watched: Watched, store: Store) -> None:
    now = watched.clock.micros()
    odd = 'spring "sale"\\\n'
    fair = add_campaign(store, "fair", 30, starts_at=now - 90 * SECOND, now=now - 500 * SECOND)
    add_campaign(store, odd, 5, state=CampaignState.PAUSED, now=now)
    add_campaign(store, "draft", 7, state=CampaignState.DRAFT, now=now)
    add_campaign(store, "over", 3, state=CampaignState.FINISHED, now=now)
    settle(store, fair, [MessageState.LEASED] * 2 + [MessageState.UNCERTAIN] + [MessageState.ACCEPTED] * 4)
    watched.monitor.started()
    watched.counted()
    waiting = {"for": "20/min", "until": now + 42 * SECOND}
    watched.monitor.beat(
        beat(
            campaigns={"fair": {"rate": 12.5, "waiting": waiting}, odd: {"rate": 0.0, "waiting": None}},
            settled={("relay", MessageState.ACCEPTED): 4, ("relay", MessageState.QUEUED): 1},
            troubles=[{"transport": "relay", "sentence": "No answer."}],
            rests={"relay": 10.0, "local": 0.0},
        )
    )
    watched.clock.move(seconds=2)
    assert watched.figures() == {
        ("mergecast_worker_info", "1.2.3"): 1,
        ("mergecast_backlog_messages", "fair", "queued"): 23,
        ("mergecast_backlog_messages", "fair", "leased"): 2,
        ("mergecast_backlog_messages", "fair", "uncertain"): 1,
        ("mergecast_backlog_messages", odd, "queued"): 5,
        ("mergecast_backlog_messages", odd, "leased"): 0,
        ("mergecast_backlog_messages", odd, "uncertain"): 0,
        ("mergecast_oldest_due_age_seconds", "fair"): 92,
        ("mergecast_messages_settled_total", "accepted", "relay"): 4,
        ("mergecast_messages_settled_total", "queued", "relay"): 1,
        ("mergecast_handovers_per_second", "fair"): 12.5,
        ("mergecast_handovers_per_second", odd): 0,
        ("mergecast_wait_seconds", "fair", "20/min"): 40,
        ("mergecast_warm_up_day", "relay"): 3,
        ("mergecast_warm_up_room", "relay"): 120,
        ("mergecast_transport_trouble", "relay"): 1,
        ("mergecast_transport_trouble", "local"): 0,
        ("mergecast_transport_rest_seconds", "relay"): 10,
        ("mergecast_transport_rest_seconds", "local"): 0,
        ("mergecast_blocked",): 0,
        ("mergecast_disk_free_bytes",): 5e9,
        ("mergecast_last_commit_age_seconds",): 2,
    }


def test_the_backlog_agrees_with_what_status_counts(store: Store) -> None:
    clock = StandingClock()
    fair = add_campaign(store, "fair", 40, now=clock.micros())
    over = add_campaign(store, "over", 9, state=CampaignState.FINISHED, now=clock.micros())
    settle(store, fair, [MessageState(n) for n in range(2, 10)])
    settle(store, over, [MessageState.UNCERTAIN] * 2 + [MessageState.ACCEPTED] * 7)
    with store.read() as connection:
        told = {one.campaign: (one.queued, one.leased, one.uncertain) for one in backlog(connection, clock.micros())}
        for campaign, name, state in ((fair, "fair", CampaignState.SENDING), (over, "over", CampaignState.FINISHED)):
            counted = count_messages(connection, campaign, state)
            assert told[name] == tuple(
                counted[one] for one in (MessageState.QUEUED, MessageState.LEASED, MessageState.UNCERTAIN)
            )
    assert told["over"] == (0, 0, 2)


def test_who_reads_and_says_nothing_is_in_nobody_s_way(watched: Watched) -> None:
    host, port = watched.listen.split(":")
    silent = [socket.create_connection((host, int(port)), timeout=10) for _ in range(6)]
    try:
        assert silent[4].recv(1) == silent[5].recv(1) == b""  # hung up on: four at once are enough
        for one in silent:
            one.close()
        until_answered(watched)
    finally:
        for one in silent:
            one.close()


def until_answered(watched: Watched) -> None:
    for _ in range(1_000):
        try:
            assert watched.health() == (200, "")
        except OSError:  # the four have not been noticed to be gone yet
            continue
        return
    raise AssertionError("nobody is answered any more")


def test_there_is_nothing_else_to_be_had(watched: Watched) -> None:
    assert watched.get("/")[0] == watched.get("/metrics/../secrets.toml")[0] == 404
    assert watched.get("/healthz?x=1")[0] == 200


def test_a_port_that_is_taken_is_a_setting_to_be_mended(watched: Watched, store: Store) -> None:
    with pytest.raises(SettingsError, match=f"Nothing can listen at {watched.listen}: Address already in use"):
        Monitor(watched.listen, store, watched.clock, "1.2.3")


def settle(store: Store, campaign: int, states: list[MessageState]) -> None:
    messages = tables.messages
    with store.write() as connection:
        ids = connection.scalars(
            messages.select().with_only_columns(messages.c.id).where(messages.c.campaign_id == campaign)
        )
        for message, state in zip(ids.all(), states, strict=False):
            connection.execute(update(messages).where(messages.c.id == message).values(state=int(state)))
