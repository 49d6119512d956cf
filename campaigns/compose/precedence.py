"""Rules of style sheets as a browser weighs them: specificity, order, !important, and which properties clash."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain

from campaigns.compose import sheets
from campaigns.compose.sheets import IMPORTANT, Around

Strength = tuple[bool, bool, tuple[int, int, int], int]  # !important, of a style attribute, specificity, order

# What a person or a mail program decides about an element; the inliner cannot know, and leaves the rule.
_STATES = "active|checked|disabled|enabled|focus|focus-visible|focus-within|hover|target|valid|invalid|visited"
_STATE = re.compile(rf"(^|[\s>+~(])?(?::not\(:(?:{_STATES})\)|:(?:{_STATES})(?![-\w]))")
_SIMPLE = re.compile(
    r"(?P<id>#(?:[-\w]|\\.)+)|(?P<class>\.(?:[-\w]|\\.)+|\[[^\[\]]*+\]|:(?!:|not\b|is\b|where\b|before\b|after\b|first-l)"
    r"[-\w]+(?:\([^()]*+\))?)|::?(?P<function>not|is|where)\b|(?P<type>::?[-\w]+|[a-zA-Z][-\w]*)"
)
_SIDES, _ASPECTS = {"top", "right", "bottom", "left"}, {"width", "style", "color"}
_NO_SIDE = ("border-radius", "border-collapse", "border-spacing")


@dataclass(frozen=True, eq=False)
class Rule:
    conditions: Around
    selector: str
    order: int
    declared: dict[str, str]  # property: its value
    beside: Around  # the selectors of the same rule, this one too, that stay when it does

    @cached_property
    def waits(self) -> bool:
        """Whether it holds in some state alone, as under a pointer."""
        return bool(_STATE.search(self.selector))

    @property
    def stays(self) -> bool:
        return bool(self.beside)

    @cached_property
    def specificity(self) -> tuple[int, int, int]:
        kinds = [found.lastgroup for found in _SIMPLE.finditer(self.selector)]
        return kinds.count("id"), kinds.count("class"), kinds.count("type")

    def strength(self, name: str) -> Strength:
        return self.is_important(name), False, *self.weight

    @property
    def weight(self) -> tuple[tuple[int, int, int], int]:
        return self.specificity, self.order

    def is_important(self, name: str) -> bool:
        return bool(IMPORTANT.search(self.declared[name]))

    @property
    def in_any_state(self) -> str:
        """The selector without the states that it waits for."""
        return _STATE.sub(lambda state: "" if state[1] is None else f"{state[1]}*", self.selector)


@lru_cache(maxsize=10_000)
def overlap(one: str, other: str) -> bool:
    """Whether two properties can overrule one another, as padding and padding-left."""
    if _is_line(one) and _is_line(other):
        first, second = set(one.split("-")), set(other.split("-"))
        return all(not (first & kind and second & kind) or first & second & kind for kind in (_SIDES, _ASPECTS))
    return resets(one, other) or resets(other, one)


def _is_line(name: str) -> bool:
    """Whether it draws some side of a border."""
    return name.partition("-")[0] == "border" and not set(name.split("-")) - {"border"} - _SIDES - _ASPECTS


def resets(shorthand: str, name: str) -> bool:
    """Whether the first property sets the second one, too."""
    if shorthand == "font" and name == "line-height":
        return True
    return name == shorthand or (name.startswith(f"{shorthand}-") and name not in _NO_SIDE)


def rules_of(css: tuple[str, ...]) -> Iterator[Rule]:
    """Each rule once for each of its selectors."""
    every = chain.from_iterable(map(sheets.rules, css))
    for order, ((*conditions, prelude), declarations) in enumerate(every):
        declared: dict[str, str] = {}
        for one in declarations:
            name = sheets.property_of(one)
            if name and name[0] != "-" and (IMPORTANT.search(one) or not IMPORTANT.search(declared.get(name, ""))):
                declared[name] = one.partition(":")[2]
        selectors = sheets.selectors(prelude) if declared else []
        staying = tuple(one for one in selectors if conditions or _STATE.search(one))
        for selector in selectors:
            beside = staying if selector in staying else ()
            yield Rule(tuple(conditions), selector, order, declared, beside)
