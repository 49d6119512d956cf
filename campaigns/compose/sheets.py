"""Style sheets, read as far as their rules and declarations; what is no rule passes as it stands."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import islice

IMPORTANT = re.compile(r"!\s*+important", re.IGNORECASE)
_QUOTED = r"\"(?:\\.|[^\"\\\n])*+\"|'(?:\\.|[^'\\\n])*+'"
_PART = re.compile(
    rf"/\*.*?(?:\*/|\Z)|{_QUOTED}|\((?:[^()\"']|\"[^\"]*+\"|'[^']*+')*+\)|[{{}};]|[^/\"'{{}};()]++|.", re.DOTALL
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_CONDITIONS = ("@media", "@supports")  # at-rules that hold rules; in others !important means nothing, or harms
_PRELUDE = re.compile(r"\s*+([>+~,])\s*+|\s++")
_SELECTOR = re.compile(rf"(?:{_QUOTED}|\([^()]*+\)|\[[^\[\]]*+\]|[^,])++")
# Of a style attribute as HTML writes it: its entities end with a semicolon that ends no declaration.
_DECLARED = re.compile(rf"(?:{_QUOTED}|\([^()]*+\)|&#?\w++;|[^;\"'(&]|[\"'(&])++")

Around = tuple[str, ...]  # what stands before each brace that is open: conditions, and at last the rule's selectors


@lru_cache(maxsize=64)
def rules(css: str) -> tuple[tuple[Around, tuple[str, ...]], ...]:
    """Each rule with its declarations as written."""
    found: list[tuple[Around, list[str]]] = []

    def note(declaration: str, around: Around) -> str:
        if not found or found[-1][0] is not around:
            found.append((around, []))
        found[-1][1].append(bare(declaration).strip())
        return declaration

    each_declaration(css, note)
    return tuple((around, tuple(filter(None, declarations))) for around, declarations in found)


def each_declaration(css: str, change: Callable[[str, Around], str]) -> str:
    """The CSS with `change` applied to each declaration of a rule, told where that stands: of one rule the same object."""
    made: list[str] = []
    braces: list[str] = []
    around: Around | None = None  # of the rule that stands open
    pending = ""
    for part in _PART.findall(css):
        if part not in ("{", "}", ";"):
            pending += part
            continue
        if part != "{" and around is not None:
            pending = change(pending, around)
        made += [pending, part]
        if part == "{":
            braces.append(one_line(bare(pending)))
        elif part == "}" and braces:
            braces.pop()
        if part != ";":
            around = tuple(braces) if braces and _holds_declarations(braces) else None
        pending = ""
    return "".join((*made, pending))


def _holds_declarations(braces: list[str]) -> bool:
    return not braces[-1].startswith("@") and all(
        one.lower().startswith(_CONDITIONS) for one in islice(braces, len(braces) - 1)
    )


def bare(css: str) -> str:
    return _COMMENT.sub("", css)


def one_line(prelude: str) -> str:
    """Selectors or a condition, with no more blanks than they need."""
    return _PRELUDE.sub(lambda blank: blank[1] or " ", prelude.strip())


def selectors(prelude: str) -> list[str]:
    return _SELECTOR.findall(prelude)


def property_of(declaration: str) -> str:
    """The property that a declaration sets, "" if none."""
    name, colon, value = bare(declaration).partition(":")
    return name.strip().lower() if colon and value.strip() else ""


def in_attribute(style: str) -> list[str]:
    """The declarations of a style attribute's value, as HTML writes them."""
    return _DECLARED.findall(style)
