"""Style rules that keep their strength while others move into style attributes.

A style attribute beats every rule of a style block, but for !important. So what is inlined loses its !important, or no
@media rule and no :checked could overrule it any more; and what stays in a style block gains it, where it says
otherwise of something that was inlined. A rule that was !important itself stands in the style block once more: there
the more specific one wins, as before. What authors wrote into style attributes stays as they wrote it.
"""

import re
from functools import lru_cache

from campaigns.compose import sheets
from campaigns.compose.contest import AUTHORS, Verdict, contest
from campaigns.compose.sheets import IMPORTANT, Around
from campaigns.model.finding import Finding

_STYLE_BLOCK = re.compile(r"<!--.*?(?:-->|\Z)|(<style\b[^<>]*+>)(.*?)(?=</style|\Z)", re.IGNORECASE | re.DOTALL)
_STYLE_ATTRIBUTE = re.compile(r"\sstyle\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+')", re.IGNORECASE)
_INLINED_IMPORTANT = re.compile(r"(?<!\s)\s*+!important", re.IGNORECASE)  # blanks are run through once, not from each
_AUTHORS_IMPORTANT = re.compile(AUTHORS)


class Cascade:
    """The style rules of one page, before and after some of them move."""

    def __init__(self, html: str) -> None:
        self._sheets = [block[2] for block in _STYLE_BLOCK.finditer(html) if block[1]]
        self._contest, self._findings = contest(tuple(self._sheets), html)

    def before_inlining(self, html: str) -> str:
        """The page with its authors' own !important told apart from those that the inliner will write."""
        return self._contest.with_probes(_in_attributes(html, IMPORTANT, AUTHORS))

    def after_inlining(self, html: str) -> tuple[str, list[Finding]]:
        """The inlined page, with the strength of each rule as it was, and what came out otherwise."""
        html = _in_attributes(html, _INLINED_IMPORTANT, "")
        html, verdict, unsettled = self._contest.settled(html)
        again = iter(["".join(map(_important_rules, self._sheets))])  # before all that stays
        html = _STYLE_BLOCK.sub(
            lambda block: block[1] + next(again, "") + _strengthened(block[2], verdict) if block[1] else block[0], html
        )
        findings = [*self._findings, *unsettled]
        return _in_attributes(html, _AUTHORS_IMPORTANT, "!important"), findings


def _in_attributes(html: str, what: re.Pattern[str], by: str) -> str:
    if not what.search(html):
        return html
    return _STYLE_ATTRIBUTE.sub(lambda attribute: what.sub(by, attribute[0]), html)


@lru_cache(maxsize=64)
def _strengthened(css: str, verdict: Verdict) -> str:
    def strengthen(declaration: str, around: Around) -> str:
        if IMPORTANT.search(declaration) or not sheets.property_of(declaration):
            return declaration
        if verdict.leaves(around[:-1], sheets.selectors(around[-1]), sheets.property_of(declaration)):
            return declaration
        kept = declaration.rstrip()
        return f"{kept} !important{declaration[len(kept) :]}"

    return sheets.each_declaration(css, strengthen)


@lru_cache(maxsize=64)
def _important_rules(css: str) -> str:
    """The rules outside of @media, with nothing but what is !important in them."""
    made: list[str] = []
    for around, declarations in sheets.rules(css):
        important = [one for one in declarations if IMPORTANT.search(one)]
        if important and len(around) == 1:
            made.append(f"{around[0]} {{ {'; '.join(important)} }}\n")
    return "".join(made)
