"""The worker's figures as Prometheus reads them: made anew for each scrape from what the last beat told.

Nothing is kept in the library's own counters, so a campaign that is through vanishes from the page with its series. The
library's collectors for process and Python are left out: systemd and the node exporter know more about both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from campaigns.store.backlog import Backlog
from scheduler.doing import Beat

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at the moment of a scrape."""

    version: str
    now: int  # micros
    beat: Beat | None
    committed: float | None  # seconds since the store last took something
    backlog: Sequence[Backlog]


def text(snapshot: Snapshot) -> bytes:
    """The page that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Told(snapshot))
    return generate_latest(registry)


class _Told(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        told = self._snapshot
        yield InfoMetricFamily("mergecast_worker", "The worker that runs.", {"version": told.version})
        yield from _backlog(told)
        if told.beat is not None:
            yield from _messages(told.beat)
            yield from _waits(told.beat, told.now)
            yield from _warm_ups(told.beat)
            yield from _transports(told.beat)
            yield from _house(told.beat, told.committed)


def _backlog(told: Snapshot) -> Iterator[Metric]:
    messages = GaugeMetricFamily(
        "mergecast_backlog_messages",
        "Messages that are queued, leased (may be on the wire) or uncertain; counted every ten seconds.",
        labels=["campaign", "state"],
    )
    age = GaugeMetricFamily(
        "mergecast_oldest_due_age_seconds",
        "How long ago the oldest message could have left that is queued still; throttles and shut send windows make it grow, too.",
        labels=["campaign"],
    )
    for one in told.backlog:
        for state, number in (("queued", one.queued), ("leased", one.leased), ("uncertain", one.uncertain)):
            messages.add_metric([one.campaign, state], number)
        if one.due_since is not None:
            age.add_metric([one.campaign], max(0, told.now - one.due_since) / 1_000_000)
    yield from (messages, age)


def _messages(beat: Beat) -> Iterator[Metric]:
    settled = CounterMetricFamily(
        "mergecast_messages_settled",
        "Messages settled since the worker's start; `queued` are those that will be tried again.",
        labels=["transport", "outcome"],
    )
    for (transport, state), number in sorted(beat.settled.items()):
        settled.add_metric([transport, state.name.lower()], number)
    rate = GaugeMetricFamily(
        "mergecast_handovers_per_second", "Hand-overs a second, over the last ten seconds.", labels=["campaign"]
    )
    for campaign, doing in beat.doing["campaigns"].items():
        rate.add_metric([campaign], doing["rate"])
    yield from (settled, rate)


def _waits(beat: Beat, now: int) -> Iterator[Metric]:
    waits = GaugeMetricFamily(
        "mergecast_wait_seconds",
        "Seconds until a campaign that only waits goes on: for a throttle, or for another try.",
        labels=["campaign", "reason"],
    )
    for campaign, doing in beat.doing["campaigns"].items():
        if waiting := doing["waiting"]:
            waits.add_metric([campaign, waiting["for"]], max(0, waiting["until"] - now) / 1_000_000)
    yield waits


def _warm_ups(beat: Beat) -> Iterator[Metric]:
    day = GaugeMetricFamily(
        "mergecast_warm_up_day", "The day of its table that a warm-up is at, while it is not over.", labels=["whose"]
    )
    room = GaugeMetricFamily(
        "mergecast_warm_up_room", "Messages that a warm-up still lets through this day or hour.", labels=["whose"]
    )
    for one in beat.doing["warm_ups"]:
        day.add_metric([one["whose"]], one["day"])
        room.add_metric([one["whose"]], one["room"])
    yield from (day, room)


def _transports(beat: Beat) -> Iterator[Metric]:
    trouble = GaugeMetricFamily(
        "mergecast_transport_trouble", "1 while a transport fails, 0 while it works.", labels=["transport"]
    )
    rests = GaugeMetricFamily(
        "mergecast_transport_rest_seconds", "Seconds until a failing transport is tried again.", labels=["transport"]
    )
    stand_in = GaugeMetricFamily(
        "mergecast_transport_replaced",
        "1 while another transport carries the mail of one that is out.",
        labels=["transport", "through"],
    )
    failing = {one["transport"] for one in beat.doing["troubles"]}
    for one in beat.doing["troubles"]:
        if one.get("through"):
            stand_in.add_metric([one["transport"], one["through"]], 1)
    for transport, seconds in beat.rests.items():
        trouble.add_metric([transport], transport in failing)
        rests.add_metric([transport], seconds)
    yield from (trouble, rests, stand_in)


def _house(beat: Beat, committed: float | None) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "mergecast_blocked",
        "1 while nothing can leave: the store refuses, or the disk is nearly full.",
        bool(beat.stops),
    )
    yield GaugeMetricFamily("mergecast_disk_free_bytes", "Free bytes on the workspace's disk.", beat.free)
    if committed is not None:
        yield GaugeMetricFamily(
            "mergecast_last_commit_age_seconds", "Seconds since the store last took something.", committed
        )
