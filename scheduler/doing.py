"""What the worker is doing, as `status` shows it: rates, waits and troubles; written with each beat."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from campaigns.clock import Clock
from campaigns.model.states import MessageState
from campaigns.store.underway import SendingCampaign
from scheduler.dispatch import Dispatch
from scheduler.ledger import Ledger
from scheduler.throttle import unit_of

_RATE_OVER = 10.0  # seconds over which rates are averaged
_FIRST = 2.0  # seconds that a campaign's first figure stands for


@dataclass(frozen=True, slots=True)
class Beat:
    """How the worker fares, once every two seconds."""

    doing: Mapping[str, Any]  # the document of `workers.doing`
    refusal: str  # why the store took no beat, or nothing
    free: int  # bytes on the workspace's disk
    settled: Mapping[tuple[str, MessageState], int]  # by transport and state, since the start
    rests: Mapping[str, float]  # by transport: seconds until it is tried again, 0 while it works

    @property
    def stops(self) -> str:
        """Why nothing can leave at all: the store refuses, or the disk is nearly full; "" while it can."""
        store = next((one["sentence"] for one in self.doing["troubles"] if not one["transport"]), "")
        return str(self.refusal or store or self.doing["disk"])


class Listener(Protocol):
    """Who is told how the worker fares. Called in the event loop: it returns at once, and raises nothing."""

    def started(self) -> None: ...

    def beat(self, beat: Beat) -> None: ...

    def stopping(self) -> None: ...


class Doing:
    """Looks over the dispatchers' shoulders."""

    def __init__(self, dispatches: Sequence[Dispatch], clock: Clock) -> None:
        self._dispatches = dispatches
        self._clock = clock
        self._seen: dict[int, deque[tuple[float, int]]] = {}  # by campaign: monotonic seconds, hand-overs so far

    def told(self, sending: Sequence[SendingCampaign], ledger: Ledger, disk: str) -> dict[str, Any]:
        """The document of `workers.doing`; `disk` says that it is nearly full, or nothing."""
        waits: dict[int, tuple[str, int]] = {}
        handed_over: dict[int, int] = {}
        for dispatch in self._dispatches:
            waits |= dispatch.line.waits()
            for campaign_id, count in dispatch.handed_over.items():
                handed_over[campaign_id] = handed_over.get(campaign_id, 0) + count
        campaigns = {
            campaign.name: {
                "rate": self._rate(campaign.id, handed_over.get(campaign.id, 0)),
                "waiting": _waiting(waits.get(campaign.id)),
            }
            for campaign in sending
        }
        return {"campaigns": campaigns, "troubles": self._troubles(ledger), "disk": disk}

    def beat(self, doing: Mapping[str, Any], ledger: Ledger, free: int, refusal: str) -> Beat:
        """What listeners are told when a beat has been written, or refused."""
        rests = {dispatch.transport.name: dispatch.health.rests() for dispatch in self._dispatches}
        return Beat(doing=doing, refusal=refusal, free=free, settled=dict(ledger.settled), rests=rests)

    def _rate(self, campaign_id: int, handed_over: int) -> float:
        """Hand-overs a second, over the last ten seconds."""
        now = self._clock.monotonic()
        seen = self._seen.setdefault(campaign_id, deque([(now - _FIRST, 0)]))
        seen.append((now, handed_over))
        while len(seen) > 2 and seen[1][0] <= now - _RATE_OVER:
            seen.popleft()
        (began, before), (ended, after) = seen[0], seen[-1]
        return round((after - before) / max(ended - began, 0.001), 1)

    def _troubles(self, ledger: Ledger) -> list[dict[str, str]]:
        troubles = [
            {"transport": dispatch.transport.name, "sentence": dispatch.health.trouble}
            for dispatch in self._dispatches
            if dispatch.health.trouble
        ]
        if ledger.trouble:
            troubles.append({"transport": "", "sentence": ledger.trouble})
        return troubles


def _waiting(wait: tuple[str, int] | None) -> dict[str, Any] | None:
    if wait is None:
        return None
    key, until = wait
    return {"for": unit_of(key) if key else "another try", "until": until}
