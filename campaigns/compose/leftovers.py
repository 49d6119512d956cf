"""What was never meant to be read: a program's word for "nothing", and merge fields that nobody filled."""

import re
from collections.abc import Iterable, Iterator

from campaigns.compose import foreign
from campaigns.compose.found import Found, at_most
from campaigns.message.shape import Shape
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

# Values that programs write where they have none. Capitals count: Nan and Null are people's names.
_WHOLE = (
    "None", "nan", "NaN", "NAN", "null", "NULL", "undefined", "NaT", "<NA>", "#N/A", "#N/A N/A", "#NV", "#REF!",
    "#VALUE!", "#WERT!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#BEZUG!", "[object Object]",
)  # fmt: skip
_WORDS = tuple(f"\0{word}\0" for word in _WHOLE if word.isalpha())
_SIGNS = {
    "#": "\0#",
    "[": "\0[object",
    "<": "\0<NA>",
    "{": "{",
    "}": "}}",
    "*": "*|",
    "%": "%%",
}  # rare -> what follows it
_MERGE_FIELD = re.compile(r"\{\{[^{}]*\}\}|\{\{|\}\}|\{%[^{}]*%\}|\*\|\w+\|\*|%%\w+%%")
_BRACES = re.compile(r"\{\{[^{}]*\}\}|\{\{|\}\}|\{%[^{}]*%\}")


def is_suspicious(joined: str) -> bool:
    """Whether any of many values, each between NULs, needs a closer look; a few searches for a thousand rows."""
    return any(sign in joined and more in joined for sign, more in _SIGNS.items()) or any(
        word in joined for word in _WORDS
    )


def check_value(value: str, name: str, template: str) -> Finding | None:
    """What is odd about one printed value; `name` is its column, "" for a computed one."""
    where = f"column {name}" if name else template
    if value in _WHOLE:
        return Finding(
            "odd_value",
            Severity.WARNS,
            f"The mail prints “{value}”, which programs write where a value is missing.",
            f'Empty the cell and import again, or write {{% if {name or "field"} != "{value}" %}}.',
            where,
        )
    if _MERGE_FIELD.search(value):
        return Finding(
            "odd_value",
            Severity.WARNS,
            f"The mail prints “{value[:60]}”: a merge field inside a cell is not filled.",
            "Put the words into the template and the value alone into the cell.",
            where,
        )
    return None


def check_constants(shape: Shape, known: Iterable[str]) -> Iterator[Found]:
    """Merge fields that stand in the mail as they were typed: inside {% raw %}, or in another program's way."""
    names = {name.lower() for name in known}
    pieces = [piece for piece in dict.fromkeys((*shape.subject, *shape.text)) if isinstance(piece, str)]
    yield from at_most(found for piece in pieces for found in _left_in(piece, names))


def _left_in(piece: str, names: set[str]) -> Iterator[Found]:
    for found in _BRACES.finditer(piece):
        sentence = f"People will read “{found[0][:60]}”: it is not taken for a merge field."
        remedy = "Write it as {{ first_name }}, outside of {% raw %}."
        yield Found("unfilled_field", Severity.WARNS, sentence, remedy, words=found[0])
    yield from foreign.in_words(piece, names)
