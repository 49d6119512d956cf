"""Address care: domains that look misspelt, throw-away domains, mailboxes that no single person reads.

All of it warns and nothing is repaired. Domains are judged once each, the parts before the @ by one look at a page of
rows, so that a list pays for what is odd about it and little else.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Protocol

from campaigns.model.finding import FIRST_ROWS, Finding
from campaigns.model.states import Severity

SAID = 20  # misspelt domains that get a Finding each; the rest share one
NAMED = 5  # domains in a Finding about several
KEPT = 5_000  # odd domains that are counted: a bound for memory, which no list comes near
PLAIN_KEPT = 200_000
SHORTEST = 5  # letters: one letter off gmx, web or aol is another company
_CUT_SHORT = ("co", "cm", "om")  # what is left of `.com`, and countries as well
FREQUENT = 20  # rows from which on a domain may be a company's own ...
FREQUENT_SHARE = 0.1  # ... if it has this share of the rows of the provider that it resembles


class Person(Protocol):
    """Whom a row is for."""

    @property
    def row(self) -> int: ...
    @property
    def folded(self) -> str | None: ...
    @property
    def domain_id(self) -> int | None: ...


@dataclass(slots=True)
class Seen:
    """The rows that something holds for: how many, and the first ones."""

    rows: int = 0
    first: list[int] = field(default_factory=list)

    def of(self, finding: Finding) -> Finding:
        """The Finding, with these rows."""
        return replace(finding, rows=self.rows, first_rows=tuple(self.first))


@dataclass(slots=True)
class _Domain(Seen):
    """A domain that is odd, or a provider that others may be slips of."""

    name: str = ""
    meant: str = ""
    is_throwaway: bool = False


class AddressCare:
    """Looks at the addresses of a campaign page by page; `findings` says what was odd about them.

    `rows_named`: how many of its rows each Finding names.
    """

    def __init__(self, rows_named: int = FIRST_ROWS) -> None:
        self._rows_named = rows_named
        self._plain: set[int] = set()  # ids of domains that nothing is wrong with
        self._domains: dict[int, _Domain] = {}  # the others, and providers
        self._teams, self._unread = Seen(), Seen()

    def look(self, people: Sequence[Person]) -> None:
        """Count what is odd about a page of rows, all of them with an address."""
        self._look_at_domains(people)
        parts = [(one.folded or "").partition("@")[0] for one in people]
        known = _known()
        if known.teams.isdisjoint(parts) and known.unread.isdisjoint(parts):
            return
        for one, part in zip(people, parts, strict=True):
            if part in known.unread or part in known.teams:
                seen = self._unread if part in known.unread else self._teams
                seen.rows += 1
                if len(seen.first) < self._rows_named:
                    seen.first.append(one.row)

    def findings(self) -> Iterator[Finding]:
        yield from self._misspelt()
        if throwaway := [domain for domain in self._domains.values() if domain.is_throwaway]:
            yield self._grouped(DISPOSABLE, throwaway)
        yield from (seen.of(one) for seen, one in ((self._unread, UNREAD), (self._teams, ROLE)) if seen.rows)

    def _look_at_domains(self, people: Sequence[Person]) -> None:
        counts = Counter([one.domain_id or 0 for one in people])
        if unknown := counts.keys() - self._plain - self._domains.keys():
            for key, address in {one.domain_id or 0: one.folded or "" for one in people}.items():
                if key in unknown:
                    self._judge(key, address.rpartition("@")[2])
        wanting = set()
        for key in counts.keys() & self._domains.keys():
            domain = self._domains[key]
            domain.rows += counts[key]
            if (domain.meant or domain.is_throwaway) and len(domain.first) < self._rows_named:
                wanting.add(key)
        for one in people if wanting else ():
            if one.domain_id in wanting and len(self._domains[one.domain_id].first) < self._rows_named:
                self._domains[one.domain_id].first.append(one.row)

    def _judge(self, key: int, name: str) -> None:
        meant = meant_domain(name)
        throwaway = not meant and is_throwaway(name)
        if (meant or throwaway or name in _known().providers) and len(self._domains) < KEPT:
            self._domains[key] = _Domain(name=name, meant=meant, is_throwaway=throwaway)
            return
        if len(self._plain) >= PLAIN_KEPT:
            self._plain.clear()
        self._plain.add(key)

    def _misspelt(self) -> Iterator[Finding]:
        providers = {domain.name: domain.rows for domain in self._domains.values()}
        slips = [one for one in self._domains.values() if one.meant and not _is_a_company(one, providers)]
        slips.sort(key=_by_rows)
        for domain in slips[:SAID]:
            yield domain.of(misspelt(domain.name, domain.meant))
        if rest := slips[SAID:]:
            yield self._grouped(MORE_MISSPELT, rest)

    def _grouped(self, finding: Finding, domains: list[_Domain]) -> Finding:
        """One Finding for several domains, those with the most rows named."""
        names = [domain.name for domain in sorted(domains, key=_by_rows)]
        where = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        first = sorted(row for domain in domains for row in domain.first)[: self._rows_named]
        return replace(Seen(sum(domain.rows for domain in domains), first).of(finding), where=where)


def _by_rows(domain: _Domain) -> tuple[int, str]:
    return -domain.rows, domain.name


def _is_a_company(domain: _Domain, rows: Mapping[str, int]) -> bool:
    """Many people share the domain: a slip of the finger is rare beside what it was meant to be."""
    return domain.rows >= FREQUENT and domain.rows > FREQUENT_SHARE * rows.get(domain.meant, 0)


def meant_domain(name: str) -> str:
    """The domain that `name` (A-labels, lower case) is probably a slip of; "" if it is none."""
    known = _known()
    label, dot, ending = name.rpartition(".")
    if not dot or name in known.providers or name in known.real or name.startswith("xn--"):
        return ""
    if mended := known.endings.get(ending):
        whole = f"{label}.{mended}"
        return _near_provider(whole) or whole
    return _near_provider(name) or (_twice_struck(label) if ending in _CUT_SHORT else "")


def is_throwaway(name: str) -> bool:
    """Whether the domain, or one that it lies under, gives mailboxes away for an hour."""
    listed = _disposable()
    while "." in name:
        if name in listed:
            return True
        name = name.partition(".")[2]
    return False


def misspelt(name: str, meant: str) -> Finding:
    return Finding(
        "misspelt_domain",
        Severity.WARNS,
        f"{name} looks misspelt: did you mean {meant}?",
        "Correct the address in the sheet and import it again, or ask the person.",
        name,
    )


MORE_MISSPELT = Finding(
    "misspelt_domain",
    Severity.WARNS,
    "Further domains look misspelt.",
    "Correct the addresses in the sheet and import it again, or ask the people.",
)
DISPOSABLE = Finding(
    "disposable_domain",
    Severity.WARNS,
    "The address is from a service for throw-away addresses: the person may never see the mail.",
    "Leave the row out, or ask for another address.",
)
UNREAD = Finding(
    "unread_address",
    Severity.WARNS,
    "Nobody reads noreply@ and postmaster@, and abuse@ reports whoever mails it without being asked: "
    "such addresses cost a sender its good name.",
    "Take these rows out of the sheet, unless the people behind them asked for this mail.",
)
ROLE = Finding(
    "role_address",
    Severity.WARNS,
    "The address belongs to a role, like info@ or office@: several people read it, and not all of them asked for mail.",
    "Use the person's own address where you have it.",
)


def _near_provider(name: str) -> str:
    """The provider that is one letter, or two swapped ones, away."""
    known = _known()
    if name in known.providers:
        return name
    if name[:2] not in known.heads and name[-6:] not in known.tails:
        return ""  # one slip leaves the one or the other as it was, and most domains have neither
    label, _, ending = name.partition(".")
    for short in _without_one(name):
        for provider in known.by_deletion.get(short, ()):
            its_label = provider.partition(".")[0]
            if len(its_label) < SHORTEST:
                continue
            if label == its_label and _is_national(ending):
                continue  # providers have domains in many countries: outlook.dk, yahoo.ie
            if _is_one_slip(name, provider):
                return provider
    return ""


def _twice_struck(label: str) -> str:
    """The provider that was meant by a name whose `.com` lost a letter: gmial.co.

    Companies do have names under .co that differ from a provider's by a letter; none swaps two of its letters.
    """
    whole = f"{label}.com"
    meant = "" if whole in _known().real else _near_provider(whole)
    return meant if sorted(whole) == sorted(meant) else ""


def _is_national(ending: str) -> bool:
    return ("." in ending or len(ending) == 2) and ending not in _CUT_SHORT


def _without_one(word: str) -> Iterator[str]:
    """The word itself, and with any one letter struck out."""
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]


def _is_one_slip(one: str, other: str) -> bool:
    """Whether a letter too many, too few or wrong, or two swapped neighbours, make one word the other."""
    if len(one) > len(other):
        one, other = other, one
    at = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    swapped = one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
    return swapped or one[at + 1 :] == other[at + 1 :]


@dataclass(frozen=True, slots=True)
class _Known:
    """`addresses.toml`."""

    providers: frozenset[str]
    real: frozenset[str]
    endings: dict[str, str]
    teams: frozenset[str]
    unread: frozenset[str]
    by_deletion: dict[str, tuple[str, ...]]  # a provider, or one without a letter -> the providers
    heads: frozenset[str]  # how providers begin and end
    tails: frozenset[str]


@cache
def _known() -> _Known:
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    by_deletion: dict[str, tuple[str, ...]] = {}
    for provider in data["providers"]:
        for short in dict.fromkeys(_without_one(provider)):
            by_deletion[short] = (*by_deletion.get(short, ()), provider)
    return _Known(
        frozenset(data["providers"]),
        frozenset(data["real"]),
        data["endings"],
        frozenset(data["parts"]["teams"]),
        frozenset(data["parts"]["unread"]),
        by_deletion,
        frozenset(provider[:2] for provider in data["providers"]),
        frozenset(provider[-6:] for provider in data["providers"]),
    )


@cache
def _disposable() -> set[str]:
    from disposable_email_domains import blocklist  # 10,000 domains: loaded where addresses are checked, not before

    return blocklist
