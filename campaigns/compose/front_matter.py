"""The lines between two `---` at the top of a template. Not YAML, which breaks `{{ first_name }}, your order`."""

import re
from dataclasses import dataclass

from campaigns.errors import TemplateError, Where
from campaigns.model.states import CampaignKind

KEYS = ("subject", "preheader", "from", "reply_to", "layout", "kind", "locale", "attachments")
_NO_FIELDS = ("from", "reply_to", "layout", "kind", "locale")  # the same for everybody
_FENCE = "---"


@dataclass(frozen=True, slots=True)
class Entry:
    text: str
    line: int  # of the file


@dataclass(frozen=True, slots=True)
class FrontMatter:
    entries: dict[str, Entry]
    body: str
    body_line: int  # the line of the file that the body begins with

    def text(self, key: str) -> str:
        """What stands after `key:`, "" without it."""
        return self.entries[key].text if key in self.entries else ""


def parse(text: str, file: str) -> FrontMatter:
    """Split a template's text (line ends \\n) into front matter and body; `file` is its name in errors."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        return FrontMatter({}, text, 1)
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        raise TemplateError(
            "The first lines begin with --- but no second --- ends them.",
            where=Where(file=file, line=1),
            remedy="Write --- on a line of its own after the subject.",
            source_line=lines[0],
        )
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines[1:end], 2):
        if line.strip():
            key, entry = _entry(line, number, file)
            if key in entries:
                raise _error(f"“{key}” stands here twice.", "Keep one of the two lines.", line, number, file)
            entries[key] = entry
    return FrontMatter(entries, "\n".join(lines[end + 1 :]), end + 2)


def _entry(line: str, number: int, file: str) -> tuple[str, Entry]:
    key, colon, rest = line.partition(":")
    key = key.strip().lower().replace("-", "_")
    if not colon:
        raise _error("A line between the two --- has no colon.", "Write `subject: Hello`.", line, number, file)
    if key not in KEYS:
        remedy = _did_you_mean(key)
        raise _error(f"There is no setting “{key}” for a template.", remedy, line, number, file)
    value = _unquoted(rest.strip())
    if key in _NO_FIELDS and re.search(r"\{\{|\{%", value):
        raise _error(f"“{key}” is the same for everybody.", "Write it without merge fields.", line, number, file)
    if key == "kind" and value not in set(CampaignKind):
        raise _error(f"“{value}” is no kind of mail.", "Write bulk or transactional.", line, number, file)
    return key, Entry(value, number)


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" and value[0] not in value[1:-1]:
        return value[1:-1]
    return value


def _did_you_mean(key: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, KEYS, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"There is {', '.join(KEYS)}."


def _error(sentence: str, remedy: str, line: str, number: int, file: str) -> TemplateError:
    return TemplateError(sentence, where=Where(file=file, line=number), remedy=remedy, source_line=line.strip())
