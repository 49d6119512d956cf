"""Domains that no mail can reach, as the DNS says: looked up once each, many at a time, within a bounded time.

Only a clear answer speaks against a domain. What timed out, failed or was not asked in time is not known.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, Protocol

from campaigns.checks.addresses import Person, Seen
from campaigns.errors import SettingsError
from campaigns.model.finding import FIRST_ROWS, Finding
from campaigns.model.states import Severity

AT_ONCE = 50
MOST = 20_000  # domains of one check; those beyond are not known
PER_QUESTION = 3.0  # seconds
IN_ALL = 60.0  # seconds
SILENT_AFTER = 20  # questions without one answer: the network is down, and the rest is not asked
SAID = 20  # domains that get a Finding each; the rest share one


class Reach(Enum):
    """What the DNS says of a domain."""

    MAIL = "mail"
    REFUSES = "refuses"  # RFC 7505: a null MX
    MISSING = "missing"  # no such domain
    NO_SERVER = "no server"  # neither MX nor an address
    UNKNOWN = "unknown"


_SAYS = {
    Reach.MISSING: "does not exist",
    Reach.REFUSES: "says that it takes no mail",
    Reach.NO_SERVER: "has no server that takes mail",
}


class Resolver(Protocol):
    """What dnspython's asyncresolver.Resolver does."""

    async def resolve(
        self, qname: str, rdtype: str, *, lifetime: float, search: bool, raise_on_no_answer: bool
    ) -> Any: ...


class MailServers:
    """Collects the domains of a campaign's rows; `findings` asks the DNS about them.

    `rows_named`: how many of its rows each Finding names.
    """

    def __init__(self, resolver: Resolver, rows_named: int = FIRST_ROWS) -> None:
        self._resolver = resolver
        self._rows_named = rows_named
        self._seen: dict[int, tuple[str, Seen]] = {}  # by the domain's id
        self._beyond: set[int] = set()

    def look(self, people: Sequence[Person]) -> None:
        """Count the domains of a page of rows, all of them with an address."""
        for one in people:
            key = one.domain_id or 0
            if key not in self._seen:
                if len(self._seen) >= MOST:
                    self._beyond.add(key)
                    continue
                self._seen[key] = ((one.folded or "").rpartition("@")[2], Seen())
            seen = self._seen[key][1]
            seen.rows += 1
            if len(seen.first) < self._rows_named:
                seen.first.append(one.row)

    def findings(self) -> list[Finding]:
        """What the DNS says against domains, and of how many it said nothing."""
        rows = dict(self._seen.values())
        reach = asyncio.run(ask(self._resolver, list(rows)))
        unknown = len(self._beyond) + sum(one is Reach.UNKNOWN for one in reach.values())
        return [*self._against(reach, rows), *_unanswered(unknown, len(rows) + len(self._beyond))]

    def _against(self, reach: Mapping[str, Reach], seen: Mapping[str, Seen]) -> Iterator[Finding]:
        bad = [domain for domain, said in reach.items() if said in _SAYS]
        bad.sort(key=lambda domain: (-seen[domain].rows, domain))
        for domain in bad[:SAID]:
            sentence = f"The domain {domain} {_SAYS[reach[domain]]}: mail to it would come back."
            yield replace(seen[domain].of(UNREACHABLE), sentence=sentence, where=domain)
        if rest := [seen[domain] for domain in bad[SAID:]]:
            first = sorted(row for one in rest for row in one.first)[: self._rows_named]
            sentence = f"{len(rest)} more domains do not exist or take no mail."
            yield replace(Seen(sum(one.rows for one in rest), first).of(UNREACHABLE), sentence=sentence)


def resolver_at(server: str) -> Resolver:
    """The computer's own resolver for `system`, else the one at `IP:PORT`; SettingsError where there is none."""
    from dns.asyncresolver import Resolver as Asking  # takes longer to load than most lists to check
    from dns.resolver import NoResolverConfiguration

    if server == "system":
        try:
            return Asking()
        except NoResolverConfiguration:
            raise SettingsError(
                "This computer has no DNS resolver of its own.",
                remedy='Name one in mergecast.toml, like `dns = "192.0.2.53"`, or take `dns` out.',
            ) from None
    host, _, port = server.rpartition(":")
    resolver = Asking(configure=False)
    resolver.nameservers = [host.strip("[]")]
    resolver.port = int(port)
    return resolver


async def ask(resolver: Resolver, domains: Iterable[str]) -> dict[str, Reach]:
    """What the DNS says of each domain (A-labels); UNKNOWN where it said nothing in time."""
    reach = dict.fromkeys(domains, Reach.UNKNOWN)
    waiting = iter(list(reach))
    clock = asyncio.get_running_loop().time
    silent, answered, until = 0, False, clock() + IN_ALL

    async def work() -> None:
        nonlocal silent, answered
        for domain in waiting:
            if clock() > until or (silent >= SILENT_AFTER and not answered):
                return
            reach[domain] = found = await _reach(resolver, domain)
            answered = answered or found is not Reach.UNKNOWN
            silent += found is Reach.UNKNOWN

    await asyncio.gather(*(work() for _ in range(min(AT_ONCE, len(reach)))))
    return reach


async def _reach(resolver: Resolver, domain: str) -> Reach:
    """MX first; without one, the domain's own address takes its mail (RFC 5321 5.1)."""
    from dns.exception import DNSException
    from dns.resolver import NXDOMAIN

    try:
        exchanges = await _answers(resolver, domain, "MX")
        if exchanges:
            return Reach.REFUSES if all(str(one.exchange) == "." for one in exchanges) else Reach.MAIL
        for kind in ("A", "AAAA"):
            if await _answers(resolver, domain, kind):
                return Reach.MAIL
    except NXDOMAIN:
        return Reach.MISSING
    except (DNSException, OSError):
        return Reach.UNKNOWN
    return Reach.NO_SERVER


async def _answers(resolver: Resolver, domain: str, kind: str) -> list[Any]:
    """The records of a kind, none if the domain is there and has none."""
    answer = await resolver.resolve(f"{domain}.", kind, lifetime=PER_QUESTION, search=False, raise_on_no_answer=False)
    return list(answer.rrset or ())


def _unanswered(unknown: int, domains: int) -> Iterator[Finding]:
    if unknown:
        yield Finding(
            "domains_not_known",
            Severity.WARNS,
            f"The DNS said nothing about {unknown:,} of {domains:,} domains: whether they take mail is not known.",
            "Nothing speaks against these addresses. Check again when the network answers.",
        )


UNREACHABLE = Finding(
    "unreachable_domain",
    Severity.WARNS,
    "The domain takes no mail.",
    "Correct the address in the sheet and import it again, or leave the row out.",
)
