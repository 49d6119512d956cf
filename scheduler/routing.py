"""Which transport carries a campaign's mail to a group just now: its route, or what takes its place in an outage.

Once a look the answer is settled for all lines together, so that each pair of campaign and group is one line's at any
moment. A failing transport whose place is taken tries again with one mail at a time of those that it should carry.
"""

from collections.abc import Collection
from enum import StrEnum

import structlog

from campaigns.model.routes import NO_ROUTES, Routes, WaysOut
from campaigns.model.states import CampaignState
from campaigns.store.underway import SendingCampaign
from scheduler.transports.contract import Transport

log = structlog.get_logger()


class Part(StrEnum):
    """What a transport has to do with a campaign's mail to a group."""

    CARRIES = "carries"
    TRIES = "tries"  # it fails, and another carries meanwhile
    NONE = "none"


class Routing:
    """The settings' routes, and which transports fail just now."""

    def __init__(self, transports: Collection[Transport], routes: Routes = NO_ROUTES) -> None:
        self.transports = {transport.name: transport for transport in transports}
        self._routes = routes
        self._failing: frozenset[str] = frozenset()
        self._ways: dict[tuple[str, str, bool], tuple[WaysOut, frozenset[str]]] = {}
        self._parts: dict[tuple[int, str], dict[str, Part]] = {}  # by campaign and group, until the next look

    def look(self, failing: Collection[str]) -> None:
        """Settle which transports fail, until the next look."""
        before, self._failing = self._failing, frozenset(failing)
        self._parts.clear()
        for name in self._routes.fallbacks:
            was, now = self._stand_in(name, before), self._stand_in(name, self._failing)
            if now and was != now:
                log.warning("transport.replaced", transport=name, through=now)
            elif was and name in self._failing and not now:
                log.warning("transport.alone", transport=name, reason="Whatever could take its place fails as well.")
            elif was and not now:
                log.info("transport.reinstated", transport=name)

    def ways(self, campaign: SendingCampaign) -> WaysOut:
        """All that the campaign's mail may take, checked or not; what became a rehearsal is led nowhere else."""
        return self._known(campaign)[0]

    def may_use(self, transport: str, campaign: SendingCampaign) -> bool:
        """Whether any of the campaign's mail may ever go through it."""
        return transport in self._known(campaign)[1]

    def part(self, transport: str, campaign: SendingCampaign, group: str) -> Part:
        """What the transport does for the campaign's mail to a group, named as `lanes` names it; "" is no group."""
        key = campaign.id, group
        if key not in self._parts:
            self._parts[key] = self._parts_of(campaign, group)
        return self._parts[key].get(transport, Part.NONE)

    def _parts_of(self, campaign: SendingCampaign, group: str) -> dict[str, Part]:
        """The first that does not fail carries, and those before it try; if all fail, the first carries and all try."""
        ways = self.ways(campaign)
        home, *others = ways.chain(group)
        if not self.may_carry(home, campaign):
            if campaign.state is CampaignState.SENDING or not self.may_carry(ways.own, campaign):
                return {}
            home = ways.own  # a proof is for trying things out
        chain = [home, *(name for name in others if name != home and self.may_carry(name, campaign))]
        good = next((place for place, name in enumerate(chain) if name not in self._failing), None)
        parts = dict.fromkeys(chain if good is None else chain[:good], Part.TRIES)
        return {**parts, chain[good or 0]: Part.CARRIES}

    def is_tried(self, campaign: SendingCampaign, group: str) -> bool:
        """Whether a failing transport tries mail that another carries; asked after `part`."""
        return Part.TRIES in self._parts[campaign.id, group].values()

    def may_carry(self, transport: str, campaign: SendingCampaign) -> bool:
        """Whether it is there, and the campaign's mails were checked for its kind; a proof needs no such check."""
        there = self.transports.get(transport)
        if there is None:
            return False
        if campaign.state is not CampaignState.SENDING:
            return True
        own = self.transports.get(campaign.transport)
        return there.kind in (campaign.checked_for or (own and own.kind,))

    def _known(self, campaign: SendingCampaign) -> tuple[WaysOut, frozenset[str]]:
        """The campaign's ways, and all transports among them and its own; asked four times a second for each line."""
        own = self.transports.get(campaign.transport)
        key = (campaign.transport, campaign.sender.address, campaign.leaves and (own is None or own.leaves))
        if key not in self._ways:
            ways = self._routes.of(*key[:2], leaves=key[2])
            self._ways[key] = ways, frozenset([ways.own, *ways.every])
        return self._ways[key]

    def stand_in(self, transport: str) -> str:
        """What takes the transport's place just now; "" while nothing does."""
        return self._stand_in(transport, self._failing)

    def _stand_in(self, transport: str, failing: Collection[str]) -> str:
        if transport not in failing:
            return ""
        chain = WaysOut(transport, fallbacks=self._routes.fallbacks).chain("")
        return next((name for name in chain if name in self.transports and name not in failing), "")
