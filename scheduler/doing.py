"""What the worker is doing, as `status` shows it: rates, waits and troubles; written with each beat."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from campaigns.clock import to_micros
from campaigns.model.holders import said
from campaigns.model.states import MessageState
from campaigns.store.underway import SendingCampaign
from scheduler.blame import Health
from scheduler.dispatch import Dispatch
from scheduler.ledger import Ledger
from scheduler.line import DUE, WINDOW, Wait
from scheduler.routing import Routing
from scheduler.throttle import Throttles


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

    def __init__(self, dispatches: Sequence[Dispatch], throttles: Throttles, routing: Routing) -> None:
        self._dispatches = {dispatch.transport.name: dispatch for dispatch in dispatches}
        self._throttles = throttles
        self._routing = routing

    def told(self, sending: Sequence[SendingCampaign], ledger: Ledger, disk: str) -> dict[str, Any]:
        """The document of `workers.doing`; `disk` says that it is nearly full, or nothing."""
        waits: dict[int, tuple[list[Wait], bool]] = {}
        outrun: Counter[int] = Counter()  # by campaign: the connections that it outruns
        for dispatch in self._dispatches.values():
            for campaign_id, (some, only) in dispatch.line.waits().items():
                before, only_before = waits.get(campaign_id, ([], True))
                waits[campaign_id] = [*before, *some], only and only_before
            if not (dispatch.aftermath.health.rests() or ledger.closed):
                outrun.update(dict.fromkeys(dispatch.line.outrun(), dispatch.transport.connections))
        campaigns = {
            campaign.name: self._campaign(campaign, *waits.get(campaign.id, ([], False)), outrun[campaign.id])
            for campaign in sending
        }
        return {
            "campaigns": campaigns,
            "slowed": self._slowed(),
            "troubles": self._troubles(ledger),
            "disk": disk,
        }

    def _campaign(self, campaign: SendingCampaign, waits: list[Wait], only: bool, outrun: int) -> dict[str, Any]:
        rate = sum(
            dispatch.aftermath.rates.rate(lambda lane: lane[0] == campaign.id) for dispatch in self._dispatches.values()
        )
        told = [_told(wait) for wait in sorted(dict.fromkeys(waits), key=lambda wait: wait.until)]
        return {
            "rate": round(rate, 1 if rate >= 1 else 3),
            "waiting": told[0] if told and only else None,
            "waits": told,
            "connections": outrun or None,
        }

    def _slowed(self) -> list[dict[str, Any]]:
        """Whose pace fell, because a server complained."""
        now = self._throttles.now()
        return [
            {
                "whose": whose.partition(" ")[2],
                "rate": pace.speed(now),
                "full": pace.top,
                "held_until": pace.held_until if pace.held_until > now else None,
            }
            for whose, pace in self._throttles.slowed(now).items()
        ]

    def beat(self, doing: Mapping[str, Any], ledger: Ledger, free: int, refusal: str) -> Beat:
        """What listeners are told when a beat has been written, or refused."""
        rests = {dispatch.transport.name: dispatch.aftermath.health.rests() for dispatch in self._dispatches.values()}
        return Beat(doing=doing, refusal=refusal, free=free, settled=dict(ledger.settled), rests=rests)

    def _troubles(self, ledger: Ledger) -> list[dict[str, Any]]:
        """What fails: transports that some mail waits for, and the store, whose transport is ""."""
        troubles = [
            self._trouble(name, dispatch.aftermath.health)
            for name, dispatch in self._dispatches.items()
            if dispatch.aftermath.health.trouble and dispatch.line.needed
        ]
        if ledger.trouble:
            troubles.append({"transport": "", "sentence": ledger.trouble})
        return troubles

    def _trouble(self, name: str, health: Health) -> dict[str, Any]:
        return {
            "transport": name,
            "sentence": health.trouble,
            "words": health.words,
            "since": to_micros(health.since) if health.since else None,
            "again": self._throttles.now() + int(health.rests() * 1_000_000),
            "through": self._routing.stand_in(name),
        }


def _told(wait: Wait) -> dict[str, Any]:
    own = {"": "another try", WINDOW: WINDOW, DUE: DUE}
    return {"for": own[wait.key] if wait.key in own else said(wait.key), "until": wait.until}
