"""What each column says of a person: as the person typing says, by its name, as last time, by what stands in it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from babel import Locale

from campaigns.errors import SpreadsheetError, Where
from campaigns.model.column import Column, Role, Why
from campaigns.recipients.addresses import address_beside_name, looks_like_address
from campaigns.recipients.columns import ADDRESS, column_letter, listed, quoted
from campaigns.recipients.names import Names, fold

ENOUGH = 0.5  # of the filled cells must look like addresses, or like the names in them
LOOKED_AT = 10_000  # cells that are compared with the addresses; a wide sheet is judged by fewer rows
MOST_ROWS = 200
MOST_LANGUAGES = 40

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae"})
_LOCALE = re.compile(r"[a-z]{2}(?:[-_][A-Z]{2})?")
Roles = dict[int, tuple[Role, Why]]


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a sheet's columns before they have roles; all by place."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]  # the first ones as shown, each as wide as the headers
    names: Names
    before: Mapping[int, Column] = field(default_factory=dict)  # of the list's last sheet
    said: Mapping[int, str] = field(default_factory=dict)  # fields that the person names now
    kept: Mapping[int, str] = field(default_factory=dict)  # and those that she named last time

    def cells(self, place: int) -> list[str]:
        return [row[place] for row in self.rows]


def find_roles(look: Look, where: Where) -> Roles:
    """The role of each column that has one, exactly one of them the address; SpreadsheetError where that is unclear."""
    place, why = _address(look, where)
    roles: Roles = {place: (Role.ADDRESS, why)}
    closed = {place, *look.said, *look.kept}  # what a person named is what she says and nothing else
    _take(roles, ((at, look.names.role_of(name)) for at, name in look.said.items()), Why.SAID)
    _take(roles, ((at, look.names.role_of(name)) for at, name in look.kept.items()), Why.LAST)
    for find, why in _WAYS:
        _take(roles, ((at, role) for at, role in find(look, roles) if at not in closed), why)
    return roles


def _take(roles: Roles, found: Iterator[tuple[int, Role]], why: Why) -> None:
    """Add what was found where column and role are both free."""
    for place, role in found:
        if role and place not in roles and role not in {taken for taken, _ in roles.values()}:
            roles[place] = (role, why)


def _address(look: Look, where: Where) -> tuple[int, Why]:
    for fields, why in ((look.said, Why.SAID), (look.kept, Why.LAST)):
        for place, name in fields.items():
            if name == ADDRESS:
                return place, why
    shares = [address_share(look.cells(place)) for place in range(len(look.headers))]
    named = [place for place, header in enumerate(look.headers) if look.names.role_of(header) is Role.ADDRESS]
    named.sort(key=lambda place: look.names.rank(look.headers[place]))
    if named and max(shares[place] for place in named) > 0:
        surest = [place for place in named if shares[place] >= ENOUGH]
        return (surest[0] if surest else max(named, key=lambda place: shares[place])), Why.NAME
    likely = [place for place, share in enumerate(shares) if share >= ENOUGH]
    for place in likely if len(likely) > 1 else ():
        if place in look.before and look.before[place].role is Role.ADDRESS:
            return place, Why.LAST
    if len(likely) == 1:
        return likely[0], Why.CONTENT
    if likely:
        names = [look.headers[place] or column_letter(place) for place in likely]
        raise SpreadsheetError(
            f"More than one column holds addresses: {listed(names)}.",
            where=where,
            remedy=f"Say which one: --column email={quoted(names[0])}",
        )
    if named:
        return named[0], Why.NAME
    raise SpreadsheetError(
        f"No column holds addresses. The columns are {listed(look.headers)}.",
        where=where,
        remedy="Say which one does: --column email=HEADER",
    )


def address_share(cells: Sequence[str]) -> float:
    """Which share of the filled cells looks like addresses."""
    filled = [cell for cell in cells if cell]
    fitting = sum(looks_like_address(cell) or address_beside_name(cell) is not None for cell in filled)
    return fitting / len(filled) if filled else 0.0


def _named(look: Look, _: Roles) -> Iterator[tuple[int, Role]]:
    """By header, the surest first; a column full of addresses is no name, whatever it is called."""
    found = [(place, role) for place, header in enumerate(look.headers) if (role := look.names.role_of(header))]
    found = [(place, role) for place, role in found if address_share(look.cells(place)) < ENOUGH]
    found.sort(key=lambda one: look.names.rank(look.headers[one[0]]))
    roles = {role for _, role in found}
    for place, role in found:
        if role is Role.FULL_NAME and fold(look.headers[place]) == "name" and Role.FIRST_NAME in roles:
            yield place, Role.LAST_NAME  # "Name, Vorname"
        yield place, role


def _as_last_time(look: Look, _: Roles) -> Iterator[tuple[int, Role]]:
    return ((place, column.role) for place, column in look.before.items())


def _by_content(look: Look, roles: Roles) -> Iterator[tuple[int, Role]]:
    free = [
        place
        for place in range(len(look.headers))
        if place not in roles and not look.names.role_of(look.headers[place])
    ]
    for place in free:
        if _holds_languages(look.cells(place)):
            yield place, Role.LANGUAGE
    taken = {role for role, _ in roles.values()}
    if taken.isdisjoint({Role.FIRST_NAME, Role.LAST_NAME, Role.FULL_NAME}):
        yield from _names_in_addresses(
            look, free, next(place for place, (role, _) in roles.items() if role is Role.ADDRESS)
        )


_WAYS: tuple[tuple[Callable[[Look, Roles], Iterator[tuple[int, Role]]], Why], ...] = (
    (_named, Why.NAME),
    (_as_last_time, Why.LAST),
    (_by_content, Why.CONTENT),
)


def _holds_languages(cells: Sequence[str]) -> bool:
    """Codes like en or de-CH, at least one of which is no country's."""
    languages, territories = _codes()
    codes = {cell.strip() for cell in cells} - {""}
    return (
        0 < len(codes) <= MOST_LANGUAGES
        and all(_LOCALE.fullmatch(code) and code[:2] in languages for code in codes)
        and any(len(code) > 2 or code.upper() not in territories for code in codes)
    )


@lru_cache(maxsize=1)
def _codes() -> tuple[frozenset[str], frozenset[str]]:
    english = Locale("en")
    return frozenset(english.languages), frozenset(english.territories)


def _names_in_addresses(look: Look, places: Sequence[int], address: int) -> Iterator[tuple[int, Role]]:
    """The columns whose cells begin and end the addresses: Ada and Quill of ada.quill@example.com."""
    rows = look.rows[: min(MOST_ROWS, LOOKED_AT // max(1, len(look.headers)))]
    parts = [_parts(row[address]) for row in rows]
    for role, end in ((Role.FIRST_NAME, 0), (Role.LAST_NAME, -1)):
        hits = dict.fromkeys(places, 0)
        for row, words in zip(rows, parts, strict=True):
            for place in places if len(words) > 1 else ():
                hits[place] += words[end] in _spellings(row[place])
        best = max(hits, key=lambda place: hits[place], default=None)
        told = sum(len(words) > 1 for words in parts)
        if best is not None and hits[best] >= max(2, ENOUGH * told):
            yield best, role


def _parts(address: str) -> list[str]:
    return [part for part in re.split(r"[^a-z]+", address.partition("@")[0].lower()) if part]


def _spellings(name: str) -> tuple[str, str]:
    """A name as it may stand in an address: joerg and jorg."""
    return fold(name), fold(name.lower().translate(_UMLAUTS))
