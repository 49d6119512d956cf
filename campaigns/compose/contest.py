"""Which rules of a style block beat what was inlined, element by element, as on a page whose rules all stand in blocks.

Specificity and order decide there, and a style attribute knows neither. The inliner tells which rules match an element:
each rule that may clash is written once more, as a probe, with a property of its own for a declaration.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

from campaigns.compose import sheets
from campaigns.compose.precedence import Rule, overlap, resets, rules_of
from campaigns.compose.sheets import IMPORTANT, Around
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

Told = tuple[Rule, str]  # a declaration: the rule, and the property
Declared = tuple[Around, str, str]  # the conditions, one selector and the property of a declaration that stays

_PROBE, _OWN = "--mergecast-rule-", "--mergecast-own"
_PROBES = '<style id="mergecast-probes">'
_PROBED = re.compile(rf"{_PROBE}(\d+): 1")
_MOST_MATCHES = 2_000_000  # rules that may clash times tags; and rules: each probe makes the page longer
_MOST_RULES = 2_000
_MOST_KNOWN = 2_000  # kinds of elements that are remembered for one style sheet
_PROBE_BLOCK = re.compile(rf"{_PROBES[:-1]}[^<>]*+>.*?</style\s*>", re.DOTALL)
_BLOCK = re.compile(r"<!--.*?(?:-->|\Z)|(?=<style\b)", re.IGNORECASE | re.DOTALL)
_STYLE = re.compile(r"(\sstyle\s*+=\s*+)(\"[^\"]*+\"|'[^']*+')", re.IGNORECASE)
AUTHORS = "! important"  # means the same; the inliner writes its own without the blank


@dataclass(frozen=True)
class Duels:
    """Of one inlined property of one element: what stays in the style block and says otherwise."""

    winners: tuple[Told, ...]
    losers: tuple[Told, ...]

    def usurpers(self) -> Iterator[Told]:
        """Winners that would beat an !important rule of the style block as soon as they are !important themselves."""
        important = [rule.weight for rule, name in (*self.winners, *self.losers) if rule.is_important(name)]
        for rule, name in self.winners:
            if important and not rule.is_important(name) and rule.weight > min(important):
                yield rule, name

    def is_settled(self, loser: Told) -> bool:
        """Whether this one cannot come through: what beats it holds wherever it does."""
        around = set(loser[0].conditions)
        return not self.winners or any(
            around.issuperset(rule.conditions) and not rule.waits and resets(name, loser[1])
            for rule, name in self.winners
        )


class Verdict(NamedTuple):
    """Which declarations that stay need strength."""

    clashing: frozenset[str]  # properties of which something was inlined, too
    winners: frozenset[Declared]  # each beats something that was inlined
    matching: frozenset[Declared]  # each holds for an element of the page at all

    def leaves(self, conditions: Around, selectors: Iterable[str], name: str) -> bool:
        """Whether this declaration is to stay as weak as it is. What matches nothing waits for a mail program's changes."""
        keys = {(conditions, one, name) for one in selectors}
        return name not in self.clashing or (self.winners.isdisjoint(keys) and not self.matching.isdisjoint(keys))


class Contest:
    """The rules of a page that may clash; none where nothing can."""

    def __init__(self, css: tuple[str, ...], *, compares: bool = True) -> None:
        self._compares = compares
        every = list(rules_of(css))
        inlined = {name for rule in every if not rule.stays for name in rule.declared}
        weak = {name for rule in every if rule.stays for name in rule.declared if not rule.is_important(name)}
        self._clashing = clashing = frozenset(name for name in weak if any(map(partial(overlap, name), inlined)))
        self._rules = [rule for rule in every if any(overlap(name, one) for name in rule.declared for one in clashing)]
        self._known: dict[_Element, dict[str, Duels]] = {}

    def is_too_large(self, html: str) -> bool:
        return len(self._rules) > _MOST_RULES or len(self._rules) * html.count("<") > _MOST_MATCHES

    def with_probes(self, html: str) -> str:
        """The page for the inliner: with the probes, and with what authors set in style attributes told apart."""
        if not self._rules or not self._compares:
            return html
        probes = "\n".join(f"{rule.in_any_state} {{ {_PROBE}{number}: 1 }}" for number, rule in enumerate(self._rules))
        html = _STYLE.sub(_with_own, html)
        place = next(found.start() for found in _BLOCK.finditer(html) if not found[0])
        return f"{html[:place]}{_PROBES}{probes}</style>{html[place:]}"

    def settled(self, html: str) -> tuple[str, Verdict, list[Finding]]:
        """The inlined page without probes; which declarations need strength; and what could not be settled.

        What was inlined becomes !important where it beats what will become so.
        """
        if not self._rules or not self._compares:
            return html, Verdict(self._clashing, frozenset(), frozenset()), []
        html = _PROBE_BLOCK.sub("", html, count=1)
        fought = [self._duels(sheets.in_attribute(style[2][1:-1])) for style in _STYLE.finditer(html)]
        every = [duels for of_element in fought for duels in of_element.values()]
        winners = frozenset(_key(*one) for duels in every for one in duels.winners)
        matching = (self._rules[number] for number in set(map(int, _PROBED.findall(html))))
        verdict = Verdict(
            self._clashing, winners, frozenset(_key(rule, name) for rule in matching for name in rule.declared)
        )
        again = iter(fought)
        html = _STYLE.sub(lambda style: _withstanding(style, next(again), verdict), html)
        return html, verdict, list(_unsettled(every, verdict))

    def _duels(self, style: list[str]) -> dict[str, Duels]:
        names = [sheets.property_of(one) for one in style]
        own = next((one.partition(":")[2].split() for one in style if _OWN in one), ())
        matched = tuple(int(name.removeprefix(_PROBE)) for name in names if name.startswith(_PROBE))
        element = _Element(matched, tuple(own), tuple(one for one in names if one[:2] != "--"))
        if element not in self._known:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            self._known[element] = dict(_duels([self._rules[number] for number in matched], element))
        return self._known[element]


def contest(css: tuple[str, ...], html: str) -> tuple[Contest, list[Finding]]:
    """The contest of a page with these style sheets; none, with a Finding, if it is too large for one."""
    found = _contest(css)
    if found.is_too_large(html):
        return Contest(css, compares=False), [_UNCOMPARED]
    return found, []


@lru_cache(maxsize=16)  # most shapes of a template share their style sheets
def _contest(css: tuple[str, ...]) -> Contest:
    return Contest(css)


class _Element(NamedTuple):
    """What counts for elements that look the same."""

    matched: tuple[int, ...]  # rules
    own: tuple[str, ...]  # properties that its author set in its style attribute
    inlined: tuple[str, ...]  # properties that stand there now


def _with_own(style: re.Match[str]) -> str:
    names = filter(None, map(sheets.property_of, sheets.in_attribute(style[2][1:-1])))
    return f"{style[1]}{style[2][0]}{_OWN}: {' '.join(names)};{style[2][1:]}"


def _duels(matched: list[Rule], element: _Element) -> Iterator[tuple[str, Duels]]:
    plain, staying = [rule for rule in matched if not rule.stays], [rule for rule in matched if rule.stays]
    for prop in element.inlined if staying else ():
        said = [
            (rule.strength(name), rule.declared[name]) for rule in plain for name in rule.declared if resets(name, prop)
        ]
        said += [((False, True, (0, 0, 0), 0), "") for name in element.own if resets(name, prop)]
        if said:
            strength, value = max(said)
            against = [(rule, name) for rule in staying for name in rule.declared if overlap(name, prop)]
            beaten = tuple(one for one in against if one[0].strength(one[1]) < strength)
            beating = (one for one in against if one[0].strength(one[1]) > strength)
            yield prop, Duels(tuple(one for one in beating if not _says(*one, prop, value)), beaten)


def _says(rule: Rule, name: str, prop: str, value: str) -> bool:
    """Whether the rule gives the property this very value, so that it does not matter who wins."""
    return name == prop and _bare(rule.declared[name]) == _bare(value)


def _bare(value: str) -> str:
    return IMPORTANT.sub("", value).strip().lower()


def _withstanding(style: re.Match[str], duels: dict[str, Duels], verdict: Verdict) -> str:
    """The style attribute without probes; !important where a loser would else come through."""
    kept: list[str] = []
    written = style[2][1:-1]
    for one in sheets.in_attribute(written):
        prop = sheets.property_of(one)
        if prop.startswith((_PROBE, _OWN)):
            continue
        fought = duels.get(prop)
        if (
            fought
            and not fought.winners
            and not all(verdict.leaves(rule.conditions, rule.beside, name) for rule, name in fought.losers)
        ):
            one = one if IMPORTANT.search(one) else f"{one} !important"
            one = IMPORTANT.sub(AUTHORS, one)
        kept.append(one)
    if not any(map(str.strip, kept)):
        return ""
    end = ";" if written.endswith(";") else ""
    return f"{style[1]}{style[2][0]}{';'.join(kept)}{end}{style[2][0]}"


def _unsettled(every: list[Duels], verdict: Verdict) -> Iterator[Finding]:
    """What must win on one element, and cannot be kept from winning on another one."""
    open_ones = {_key(*loser): loser for duels in every for loser in duels.losers if not duels.is_settled(loser)}
    for rule, name in open_ones.values():
        if not rule.is_important(name) and not verdict.leaves(rule.conditions, rule.beside, name):
            yield _differs(rule, name)
    for rule, name in {_key(*one): one for duels in every for one in duels.usurpers()}.values():
        if (key := _key(rule, name)) not in open_ones and key in verdict.winners:
            yield _differs(rule, name)


def _key(rule: Rule, name: str) -> Declared:
    return rule.conditions, rule.selector, name


def _differs(rule: Rule, name: str) -> Finding:
    where = f" in {rule.conditions[-1]}" if rule.conditions else ""
    return Finding(
        "css_differs",
        Severity.WARNS,
        f"{name} of “{rule.selector}”{where} overrules more here than on a page with a style block.",
        "Give that rule a selector of its own, which matches nothing that another rule says more precisely.",
    )


_UNCOMPARED = Finding(
    "css_differs",
    Severity.WARNS,
    "The page has so many style rules that those of @media and :hover may overrule more than in a browser.",
    "Take out the rules that it does not use.",
)
