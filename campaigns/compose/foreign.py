"""Tags that other mail programs would fill in, as they stand in templates that were made for those: `foreign_tags.toml`."""

import re
import tomllib
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from campaigns.compose.found import Found
from campaigns.model.states import Severity

_BRACES = re.compile(r"\{\{\{\s*([^{}]*?)\s*\}\}\}|\{\{[~]?\s*([^{}]*?)\s*[~]?\}\}")
_MOST_NAMED = 8  # of the further lines that a sentence names


def in_braces(source: str, line: int) -> tuple[str, str, str] | None:
    """Of a text that cannot be read as a template: what another program's tag in this line means.

    (sentence, remedy, the tag), or None if the line has no such tag. Further lines with such tags are named as well.
    """
    lines = source.split("\n")
    if not 0 < line <= len(lines):
        return None
    tags = list(_tags_in_braces(lines[line - 1]))
    if not tags:
        return None
    tag, write = tags[0]
    more = [number for number, text in enumerate(lines, 1) if number > line and any(_tags_in_braces(text))]
    sentence = f"{tag} is another mail program's way of writing."
    if more:
        named = ", ".join(map(str, more[:_MOST_NAMED])) + (", ..." if len(more) > _MOST_NAMED else "")
        sentence += f" Such tags stand in line{'s' if len(more) > 1 else ''} {named}, too."
    return sentence, f"Write {write}.", tag


def _tags_in_braces(text: str) -> Iterator[tuple[str, str]]:
    """(the tag, what to write here)."""
    for found in _BRACES.finditer(text):
        if found[1] is not None:
            yield found[0], f"{{{{ {found[1]} }}}}, or {{{{ {found[1]}|safe }}}} if it holds HTML"
            continue
        for rule in _table()["in_braces"]:
            match = re.fullmatch(rule["pattern"], found[2]) or re.match(rf"(?:{rule['pattern']})(?=[\s}}])", found[2])
            if match:
                yield found[0], match.expand(rule["write"]) if match.re.groups else rule["write"]
                break


def in_words(text: str, known: Collection[str]) -> Iterator[Found]:
    """Tags that people would read; `known`: the merge fields that there are, in small letters."""
    for rule in _table()["plain"]:
        for found in re.finditer(rule["pattern"], text):
            field = _called_here(found[1], known)
            if field or rule["sure"]:
                yield _left(found[0], _remedy(field))
    for rule in _table()["placeholder"]:
        for found in re.finditer(rule["pattern"], text):
            sentence = f"People will read “{found[0]}”: the template leaves these words to you."
            yield Found("unfilled_field", Severity.WARNS, sentence, "Write your own words there.", words=found[0])


def _called_here(name: str, known: Collection[str]) -> str:
    """The merge field that another program's name stands for, "" if none is like it."""
    lowered = name.lower()
    if lowered in known:
        return lowered
    bare = re.sub(r"[\W_]", "", lowered)
    means = _meanings().get(bare, "")
    if means in known:
        return means
    close = get_close_matches(bare, [one.replace("_", "") for one in known], n=1, cutoff=0.85)
    return next((one for one in known if one.replace("_", "") == close[0]), "") if close else ""


def _remedy(field: str) -> str:
    if field:
        return f"Here merge fields are written {{{{ {field} }}}}."
    return "Write a merge field, such as {{ first_name }}, or words of your own."


def _left(words: str, remedy: str) -> Found:
    sentence = f"People will read “{words[:60]}”: it is not taken for a merge field."
    return Found("unfilled_field", Severity.WARNS, sentence, remedy, words=words)


@cache
def _meanings() -> dict[str, str]:
    return {name: one["field"] for one in _table()["meaning"] for name in one["names"]}


@cache
def _table() -> dict[str, list[dict[str, Any]]]:
    table: dict[str, list[dict[str, Any]]] = tomllib.loads(
        Path(__file__).with_name("foreign_tags.toml").read_text(encoding="utf-8")
    )
    return table
