"""The personalizations of a SendGrid request, column by column: escaping many values costs little more than one.

SendGrid replaces a tag in the content as plain text, so a pair of slot and escape has a tag of its own, unless another
pair reads the same for everybody in the request: escaping seldom changes a name, and SendGrid counts substitutions.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from json.encoder import encode_basestring
from typing import Any
from urllib.parse import quote

from campaigns.message import fill
from campaigns.message.message import Message, handle, internet_message_id, list_headers
from campaigns.message.shape import Escape, Hole, Pieces, Shape
from scheduler.transports.sendgrid_options import Options

HANDLE_ARG = "mergecast_message"  # our name for the message in custom_args; prefixed, since events merge them flat
CONSTANT_HEADER = "List-Unsubscribe-Post"  # the one header that is the same for everybody
_ASCII = "".join(map(chr, range(0x20, 0x7F)))
_EACH = "\0"  # stands for a value that each row has its own of, and between values: none holds one
_EACH_AS_JSON = "\\u0000"

Columns = Sequence[str]  # by slot: the values of all messages, a NUL between them


@dataclass(frozen=True, slots=True)
class Filling:
    """What tags stand for; the values of all messages are joined by NUL, the links read as for the first message."""

    tags: Mapping[Hole, str]
    links: Mapping[str, str]
    values: Mapping[str, str]

    @property
    def number(self) -> int:
        """Of substitutions in each row."""
        return len(self.links) + len(self.values)

    def in_place(self, pieces: Pieces) -> str:
        """The content with the tags."""
        return "".join(self.tags[piece] if isinstance(piece, Hole) else piece for piece in pieces)


LITERAL = Filling({}, {}, {})


def columns(messages: Sequence[Message]) -> Columns:
    return [_EACH.join(values) for values in zip(*(m.values for m in messages), strict=True)]


def tagged(first: Message, values: Columns, key: str) -> Filling:
    """A tag for each slot and escape, the same for two that read the same for all.

    All tags have one length and are closed: none holds another, nor do two side by side.
    """
    holes = dict.fromkeys(p for p in (*first.shape.text, *(first.shape.html or ())) if isinstance(p, Hole))
    width = len(str(len(holes)))
    links: dict[str, str] = {}  # what is written -> its tag
    texts: dict[str, str] = {}
    tags = {}
    for hole in holes:
        if hole.slot < 0:
            known, text = links, fill.escaped(fill.value_of(hole, first), hole.escape)
        else:
            known, text = texts, _escaped(values[hole.slot], hole.escape)
        tags[hole] = known.setdefault(text, f"-{key}{len(links) + len(texts):0{width}}-")
    return Filling(tags, {tag: text for text, tag in links.items()}, {tag: text for text, tag in texts.items()})


def rows(messages: Sequence[Message], values: Columns, filling: Filling, options: Options) -> list[bytes]:
    """The personalizations of messages that agree.

    Links, list headers and Message-ID differ between people only in the message's handle, which is made of
    hexadecimal digits and a dot, so that no escaping touches it: they are written once, around it.
    """
    like = messages[0]
    own = handle(like.id, like.token)
    substitutions = {**filling.links, **dict.fromkeys(filling.values, _EACH)}
    row: dict[str, Any] = {
        "to": [{"email": _EACH}],
        **({} if constant_subject(like.shape) else {"subject": _EACH}),
        "headers": _headers(like, options),
        "custom_args": {HANDLE_ARG: own},
        **({"substitutions": substitutions} if substitutions else {}),
    }
    constants = [piece.encode() for piece in dump(row).replace(own, _EACH_AS_JSON).split(_EACH_AS_JSON)]
    before = [_as_json(_EACH.join([m.to for m in messages]), len(messages))]
    if "subject" in row:
        before.append(_as_json(_subjects(messages, values), len(messages)))
    after = [_as_json(text, len(messages)) for text in filling.values.values()]
    handles = "\n".join([handle(m.id, m.token) for m in messages]).encode().split(b"\n")
    cells = [*before, *[handles] * (len(constants) - 1 - len(before) - len(after)), *after]
    woven = chain.from_iterable(zip(map(repeat, constants[:-1]), cells, strict=True))
    return list(map(b"".join, zip(*woven, repeat(constants[-1]))))


def constant_subject(shape: Shape) -> bool:
    return all(isinstance(piece, str) for piece in shape.subject)


def _escaped(column: str, escape: Escape) -> str:
    if escape in (Escape.PLAIN, Escape.HTML):  # they leave NUL alone, so that one call serves all
        return fill.escaped(column, escape)
    values = column.split(_EACH)
    known = {value: fill.escaped(value, escape) for value in set(values)}
    return _EACH.join([known[value] for value in values])


def _subjects(messages: Sequence[Message], values: Columns) -> str:
    """As `fill.subject` makes each of them, a NUL between them."""
    pieces = messages[0].shape.subject
    if len(messages) == 1 or any(isinstance(piece, Hole) and piece.slot < 0 for piece in pieces):
        return _EACH.join(map(fill.subject, messages))
    cells = [repeat(p) if isinstance(p, str) else _escaped(values[p.slot], p.escape).split(_EACH) for p in pieces]
    column = _EACH.join(map("".join, zip(*cells, strict=False)))  # a constant has no end
    if _are_tidy(column):
        return column
    return _EACH.join([" ".join(subject.split()) for subject in column.split(_EACH)])


def _are_tidy(column: str) -> bool:
    """Whether all its values are in one line, with single blanks and none at an end."""
    enclosed = f"{_EACH}{column}{_EACH}"
    return column.replace(_EACH, "").isprintable() and not any(
        blanks in enclosed for blanks in ("  ", f" {_EACH}", f"{_EACH} ")
    )


def _as_json(column: str, number: int) -> list[bytes]:
    """The column's values as JSON writes them between quotes."""
    cells = encode_basestring(column)[1:-1].encode().split(_EACH_AS_JSON.encode())
    if len(cells) == number:
        return cells
    # one of them holds what looks like a NUL in JSON
    return [encode_basestring(value)[1:-1].encode() for value in (column.split(_EACH) if number > 1 else [column])]


def _headers(message: Message, options: Options) -> dict[str, str]:
    """The headers that are this person's own.

    They hold URIs and a msg-id, where no encoded-word may stand (RFC 2047 5 (3)): other letters are percent-encoded.
    """
    own = {} if options.owns_unsubscribe else list_headers(message)
    headers = {"Message-ID": internet_message_id(message), **own}
    headers.pop(CONSTANT_HEADER, None)
    return {name: quote(value, safe=_ASCII) for name, value in headers.items()}


def dump(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
