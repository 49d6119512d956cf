"""Outages of transports, as the worker tells them: since when, in whose words, and what carries the mail meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.clock import from_micros
from campaigns.store.workers import Worker


@dataclass(frozen=True, slots=True)
class Outage:
    transport: str
    since: datetime
    words: str  # the server's, or our own where it says nothing
    again: datetime  # when it is tried again
    through: str  # what carries its mail meanwhile; "" where it waits

    def as_json(self) -> dict[str, Any]:
        return {
            "transport": self.transport,
            "since": self.since.isoformat(),
            "words": self.words,
            "again": self.again.isoformat(),
            "through": self.through or None,
        }


def outages(worker: Worker | None) -> tuple[Outage, ...]:
    """Those of transports that mail waits for, as of the worker's last beat; none where no worker runs."""
    told = worker.doing.get("troubles", ()) if worker else ()
    return tuple(
        Outage(
            transport=one["transport"],
            since=from_micros(one["since"]),
            words=one["words"],
            again=from_micros(one["again"]),
            through=one["through"],
        )
        for one in told
        if one.get("since")  # the store has troubles, too
    )
