"""Style rules that keep their strength while others move into style attributes.

A style attribute beats every rule of a style block, but for !important. So what is inlined loses its !important, or no
@media rule and no :checked could overrule it any more; and what stays in a style block gains it, where it says
otherwise of something that was inlined. A rule that was !important itself stands in the style block once more: there
the more specific one wins, as before. What authors wrote into style attributes stays as they wrote it.
"""

import re
from collections.abc import Callable
from functools import lru_cache

_STYLE_BLOCK = re.compile(r"<!--.*?(?:-->|\Z)|(<style\b[^<>]*+>)(.*?)(?=</style|\Z)", re.IGNORECASE | re.DOTALL)
_STYLE_ATTRIBUTE = re.compile(r"\sstyle\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+')", re.IGNORECASE)
_IMPORTANT = re.compile(r"!\s*+important", re.IGNORECASE)
_INLINED_IMPORTANT = re.compile(r"\s*+!important", re.IGNORECASE)
_AUTHORS_IMPORTANT = re.compile("! important")
_AUTHORS = "! important"  # means the same; the inliner writes its own without the blank
_PART = re.compile(
    r"/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*+\"|'(?:\\.|[^'\\\n])*+'|\((?:[^()\"']|\"[^\"]*+\"|'[^']*+')*+\)"
    r"|[{};]|[^/\"'{};()]++|.",
    re.DOTALL,
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_CONDITIONS = ("@media", "@supports")  # at-rules that hold rules; in others !important means nothing, or harms


def before_inlining(html: str) -> str:
    """The page with its authors' own !important told apart from those that the inliner will write."""
    return _in_attributes(html, _IMPORTANT, _AUTHORS)


def after_inlining(html: str, before: str) -> str:
    """The inlined page, with the strength of each rule as it was on the page `before`."""
    sheets = [block[2] for block in _STYLE_BLOCK.finditer(before) if block[1]]
    plain = frozenset().union(*map(_plain_properties, sheets))
    if plain:
        html = _in_attributes(html, _INLINED_IMPORTANT, "")
        again = iter(["".join(map(_important_rules, sheets))])  # before all that stays
        html = _STYLE_BLOCK.sub(
            lambda block: block[1] + next(again, "") + _strengthened(block[2], plain) if block[1] else block[0],
            html,
        )
    return _in_attributes(html, _AUTHORS_IMPORTANT, "!important")


def _in_attributes(html: str, what: re.Pattern[str], by: str) -> str:
    if not what.search(html):
        return html
    return _STYLE_ATTRIBUTE.sub(lambda attribute: what.sub(by, attribute[0]), html)


@lru_cache(maxsize=64)
def _plain_properties(css: str) -> frozenset[str]:
    """The families of properties that rules outside of @media set: those rules are the ones that get inlined."""
    found: set[str] = set()

    def note(declaration: str, in_condition: bool) -> str:
        if not in_condition:
            found.add(_family(declaration))
        return declaration

    _each_declaration(css, note)
    return frozenset(found - {""})


@lru_cache(maxsize=64)
def _strengthened(css: str, inlined: frozenset[str]) -> str:
    def strengthen(declaration: str, _in_condition: bool) -> str:
        if _family(declaration) not in inlined or _IMPORTANT.search(declaration):
            return declaration
        kept = declaration.rstrip()
        return f"{kept} !important{declaration[len(kept) :]}"

    return _each_declaration(css, strengthen)


@lru_cache(maxsize=64)
def _important_rules(css: str) -> str:
    """The rules outside of @media, with nothing but what is !important in them."""
    made: list[str] = []
    around: list[str] = []
    important: list[str] = []
    pending = ""
    for part in _PART.findall(css):
        if part not in ("{", "}", ";"):
            pending += part
            continue
        said = _COMMENT.sub("", pending).strip()
        if part == "{":
            around.append(said)
        elif len(around) == 1 and not said.startswith("@") and _IMPORTANT.search(said):
            important.append(said)
        if part == "}" and around:
            if important and not around[0].startswith("@"):
                made.append(f"{around[0]} {{ {'; '.join(important)} }}\n")
            important = []
            around.pop()
        pending = ""
    return "".join(made)


def _family(declaration: str) -> str:
    """`padding` for padding and padding-left, which can overrule one another; "" if it sets nothing."""
    name, colon, value = _COMMENT.sub("", declaration).partition(":")
    return name.strip().lower().split("-")[0] if colon and value.strip() else ""


def _each_declaration(css: str, change: Callable[[str, bool], str]) -> str:
    """The CSS with `change` applied to each declaration of a rule, told whether that stands in an @media."""
    made: list[str] = []
    around: list[str] = []  # what stands before each open brace
    pending = ""
    for part in _PART.findall(css):
        if part not in ("{", "}", ";"):
            pending += part
            continue
        if part != "{" and around and _holds_declarations(around):
            pending = change(pending, len(around) > 1)
        made += [pending, part]
        if part == "{":
            around.append(_COMMENT.sub("", pending).strip().lower())
        elif part == "}" and around:
            around.pop()
        pending = ""
    return "".join((*made, pending))


def _holds_declarations(around: list[str]) -> bool:
    return not around[-1].startswith("@") and all(one.startswith(_CONDITIONS) for one in around[:-1])
