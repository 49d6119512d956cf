"""Which throttles, warm-ups, paces and send windows the messages of a lane stand under on their way through one transport."""

from collections.abc import Sequence

from campaigns.gate import Gate
from campaigns.model.domain_group import Limits
from campaigns.model.holders import OTHERS, of_mail, of_transport, pace_of, whose_pace
from campaigns.model.send_window import SendWindows
from campaigns.model.throttle import Throttle
from campaigns.model.warm_up import WarmUp
from campaigns.store import lanes
from campaigns.store.engine import Connection
from campaigns.store.underway import SendingCampaign
from campaigns.windows import of_lane
from scheduler.throttle import Throttles


class Rules:
    """The transport's own throttles and warm-up, those of its campaigns, of their senders and of domain groups."""

    def __init__(
        self,
        transport: str,
        throttles: Sequence[Throttle],
        limits: Limits,
        spending: Throttles,
        windows: SendWindows = SendWindows(),  # noqa: B008 - it cannot change
        *,
        warm_up: WarmUp | None = None,
    ) -> None:
        self._transport = transport
        self._limits = limits
        self._spending = spending
        self._own = spending.keys(*of_transport(transport, throttles))
        if warm_up is not None:
            self._own += (spending.warm_up(self.whose(), warm_up),)
        self._windows = windows
        self._groups: dict[int, str] = {}
        self._parts: dict[int, tuple[int, str]] = {}  # lanes of one zone: the group's number, and the zone
        self._gates: dict[tuple[tuple[str, ...], str, str, str], Gate] = {}

    def learn(self, connection: Connection, numbers: set[int]) -> None:
        """Know the groups' names, and the lanes of one zone, by their numbers."""
        if not numbers <= self._groups.keys() | self._parts.keys():
            self._groups = {0: OTHERS, **lanes.names(connection)}
            self._parts = lanes.parts(connection)

    def group(self, number: int) -> int:
        """The recipient-domain group of a lane."""
        return lanes.group_of(number, self._parts)

    def gate(self, campaign: SendingCampaign, number: int) -> Gate | None:
        """What opens and shuts a lane; None where it is always open."""
        if not (campaign.windows or campaign.holidays or self._windows):
            return None
        theirs = self._parts[number][1] if number in self._parts else campaign.zone
        key = (campaign.windows, campaign.holidays, campaign.zone, theirs)
        if key not in self._gates:
            self._gates[key] = Gate(of_lane(*key[:3], self._windows, theirs=theirs))
        return self._gates[key]

    def name_of(self, group: int) -> str:
        """A group's name, as `lanes` has it; "" for those without one."""
        return self._groups.get(group, "") if group else ""

    def keys(self, campaign: SendingCampaign, group: int, now: int) -> tuple[str, ...]:
        """The keys of all that holds a message of this campaign for this group; empty where nothing does."""
        spending, keys = self._spending, self._own
        address = campaign.sender.address
        for holder in of_mail(campaign.id, campaign.throttles, address, self.name_of(group), self._limits):
            keys += spending.keys(*holder)
        if (table := self._limits.warm_ups.get(address.lower())) is not None:
            keys += (spending.warm_up(f"sender {address.lower()}", table),)
        return (*keys, *spending.pace(self.whose(), now), *spending.pace(self.whose(group), now))

    def whose(self, group: int | None = None) -> str:
        """Whose pace falls when a server complains: the transport's, or that of a group on this transport."""
        return whose_pace(self._transport, None if group is None else self._groups.get(group, ""))

    def shared_by_all(self, key: str) -> bool:
        """Whether every message on this transport stands under that throttle."""
        return key in self._own or key == pace_of(self.whose())
