"""HTML tags that are never closed, or close nothing: mail programs repair them, each in its own way."""

from collections import Counter
from collections.abc import Iterator

from campaigns.compose.found import Found
from campaigns.compose.tags import CLOSE, OPEN, VOID, Token
from campaigns.model.states import Severity

# ruff: noqa: SIM905 - a list of names reads better as words
# Tags that HTML lets authors leave open, or open by themselves.
_MAY_STAY_OPEN = frozenset(
    "p li dt dd tr td th thead tbody tfoot option optgroup colgroup caption html head body rp rt".split()
)
_DRAWN = frozenset(("svg", "math"))  # what stands in them is XML and may close itself


def unbalanced(markup: str, read: list[Token]) -> Iterator[Found]:
    """A Finding for each such tag; what only Outlook reads is often closed in another comment, and not looked at."""
    opened: list[Token] = []
    names: Counter[str] = Counter()  # of what is open
    for token in read:
        if token.outlook or token.name in VOID:
            continue
        if token.kind == OPEN:
            in_drawing = any(one.name in _DRAWN for one in opened[-8:])
            if not (in_drawing and markup.endswith("/>", token.start, token.end)):
                opened.append(token)
                names[token.name] += 1
        elif token.kind == CLOSE:
            yield from _closed(markup, token, opened, names)
    for left in opened:
        yield from _never_closed(markup, left)


def _closed(markup: str, token: Token, opened: list[Token], names: Counter[str]) -> Iterator[Found]:
    if not names[token.name]:
        if token.name not in _MAY_STAY_OPEN:
            remedy = "Take it out, or open it before."
            yield _found(markup, token, f"</{token.name}> closes nothing that is open there.", remedy)
        return
    while (last := opened.pop()).name != token.name:
        names[last.name] -= 1
        yield from _never_closed(markup, last)
    names[token.name] -= 1


def _never_closed(markup: str, token: Token) -> Iterator[Found]:
    if token.name not in _MAY_STAY_OPEN:
        yield _found(markup, token, f"<{token.name}> is never closed.", f"Write </{token.name}> where it ends.")


def _found(markup: str, token: Token, sentence: str, remedy: str) -> Found:
    words = markup[token.start : token.end]
    nth = markup.count(words, 0, token.start)
    return Found("unbalanced_tag", Severity.WARNS, sentence, remedy, words=words, nth=nth)
