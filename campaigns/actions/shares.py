"""How a campaign's mails share out over the transports that its routes name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from campaigns.actions.basis import Basis
from campaigns.store import lanes, reporting
from campaigns.store.engine import Connection


@dataclass(frozen=True, slots=True)
class Share:
    """What goes through one transport while all is well."""

    transport: str
    mails: int
    groups: tuple[str, ...]  # the recipient-domain groups that routes lead there; () for whatever is left

    def as_json(self) -> dict[str, Any]:
        return {"transport": self.transport, "mails": self.mails, "groups": list(self.groups)}


def shares(conn: Connection, basis: Basis) -> tuple[Share, ...]:
    """The campaign's queued or staged mails by the transport that they go through, the campaign's own first."""
    return _shares(basis, reporting.count_queued(conn, basis.campaign.id, proofs=False), lanes.names(conn))


def _shares(basis: Basis, queued: Mapping[int, int], names: Mapping[int, str]) -> tuple[Share, ...]:
    ways = basis.ways
    mails: dict[str, int] = {ways.own: 0}
    groups: dict[str, list[str]] = {}
    for number, waiting in queued.items():
        group = names.get(number, "")
        home = ways.home(group)
        mails[home] = mails.get(home, 0) + waiting
        if waiting and any(group in route.groups for route in ways.routes if route.through == home):
            groups.setdefault(home, []).append(group)
    return tuple(Share(name, n, tuple(sorted(groups.get(name, ())))) for name, n in mails.items() if n)
