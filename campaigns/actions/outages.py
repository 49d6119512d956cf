"""Outages of transports, as the worker tells them: since when, in whose words, and what carries the mail meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.clock import from_micros
from campaigns.settings import Settings
from campaigns.store.campaigns import Campaign
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


def said_of(trouble: Mapping[str, Any], campaign: Campaign, settings: Settings) -> str:
    """A transport's trouble as one of its campaigns meets it: whether that goes another way meanwhile."""
    sentence = f"{trouble['transport']}: {trouble['sentence']}"
    through = trouble.get("through", "")
    if not through or through not in settings.transports:
        return sentence
    own, kind = settings.transports.get(campaign.transport), settings.transports[through].kind
    if kind in (campaign.checked_for.split() or [own.kind if own else ""]):
        return f"{sentence} Its mail goes through {through} meanwhile."
    return f"{sentence} Its mail waits: it was not checked for {through} ({kind})."


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
