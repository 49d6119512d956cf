"""Which transport carries what: routes by recipient-domain group and by sender, and a fallback for each transport.

The settings say it, a check judges mails for all of it, and the worker follows it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from campaigns.model.domain_group import folded_domain


@dataclass(frozen=True, slots=True)
class Route:
    """Mail that meets all of its conditions goes through one transport; a condition that names nothing holds for all."""

    through: str
    groups: tuple[str, ...] = ()  # of recipient domains, by name
    senders: tuple[str, ...] = ()  # addresses or domains, folded

    def takes_sender(self, folded: str) -> bool:
        return not self.senders or folded in self.senders or folded.rpartition("@")[2] in self.senders

    def takes_group(self, group: str) -> bool:
        return not self.groups or group in self.groups


@dataclass(frozen=True, slots=True)
class WaysOut:
    """The transports that one campaign's mail may take."""

    own: str
    routes: tuple[Route, ...] = ()  # that its sender meets
    fallbacks: Mapping[str, str] = field(default_factory=dict)

    def home(self, group: str) -> str:
        """Through what mail to a group goes while all is well: the first route that takes it; "" is no group."""
        return next((route.through for route in self.routes if route.takes_group(group)), self.own)

    def chain(self, group: str) -> tuple[str, ...]:
        """Through what it goes, what takes that one's place in an outage, and so on."""
        return self._with_fallbacks(self.home(group))

    @property
    def homes(self) -> tuple[str, ...]:
        """Through what mail goes while all is well, whatever its group."""
        return tuple(dict.fromkeys([*(route.through for route in self.routes), *self._rest]))

    @property
    def every(self) -> tuple[str, ...]:
        """All that may ever carry a mail, the campaign's own first."""
        chains = [self._with_fallbacks(home) for home in (*self._rest, *self.homes)]
        return tuple(dict.fromkeys(name for chain in chains for name in chain))

    @property
    def _rest(self) -> tuple[str, ...]:
        """The campaign's own transport, unless a route takes all that could go there."""
        return () if any(not route.groups for route in self.routes) else (self.own,)

    def _with_fallbacks(self, name: str) -> tuple[str, ...]:
        chain = [name]
        while (name := self.fallbacks.get(name, "")) and name not in chain:
            chain.append(name)
        return tuple(chain)


@dataclass(frozen=True, slots=True)
class Routes:
    """What a workspace's settings say; the first route that takes a mail wins."""

    routes: tuple[Route, ...] = ()
    fallbacks: Mapping[str, str] = field(default_factory=dict)  # transport -> the one that takes its place

    def of(self, transport: str, sender: str, *, leaves: bool) -> WaysOut:
        """A campaign's ways, by its own transport and its sender's address; a rehearsal is never led elsewhere."""
        return WaysOut(transport, tuple(self._for(sender)) if leaves else (), self.fallbacks)

    def _for(self, sender: str) -> Iterable[Route]:
        try:
            folded = folded_sender(sender)
        except ValueError:  # none was set yet
            folded = sender.lower()
        for route in self.routes:
            if route.takes_sender(folded):
                yield route
                if not route.groups:
                    return  # nothing is left for those behind it


NO_ROUTES = Routes()


def folded_sender(text: str) -> str:
    """A sender as routes compare it: an address, or a domain alone; ValueError with a sentence for anything else."""
    local, at, domain = text.strip().rpartition("@")
    if at and (not local or any(sign.isspace() or sign in "<>@" for sign in local)):
        msg = f"{text!r} is neither an address nor a domain"
        raise ValueError(msg)
    return f"{local.lower()}@{folded_domain(domain)}" if at else folded_domain(domain)
