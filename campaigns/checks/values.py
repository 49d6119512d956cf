"""What one person's values may not do: reach a header with a control character, be a tag, make the mail too big.

That links lead somewhere and that every character is one is seen to where values are printed (`campaigns/compose`).

This runs for each message; nearly all of them pass with the two looks of `is_plain`.
"""

import re
from collections.abc import Iterator

from campaigns.checks.shapes import ShapeFacts
from campaigns.message.fill import escaped
from campaigns.message.shape import Hole, Shape
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

CLIPPED_FROM = 102 * 1024  # bytes of HTML that Gmail shows before "[Message clipped]"
WARNED_FROM = 90 * 1024
_WIDEST = 12  # bytes that one character can become: an emoji in a URL, percent-encoded

_WHITE = re.compile(r"[^\S \xa0]|\s\s")
# Controls that are no white space, and bidi overrides, which make a subject read backwards.
_FORBIDDEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")

HEADER_INJECTION = Finding(
    "header_injection",
    Severity.LEAVES_OUT,
    "A value in the subject holds a control character.",
    "Clean the cell: such a character could forge a header or turn the subject around.",
    "subject",
)
HEADER_WHITE = Finding(
    "header_white_space",
    Severity.WARNS,
    "A value in the subject holds a line break, a tab or several blanks: one blank takes their place.",
    "Clean the cell if that reads badly.",
    "subject",
)
SENDGRID_TAG = Finding(
    "sendgrid_tag",
    Severity.LEAVES_OUT,
    "A value holds <%, which SendGrid would take for a tag of its own.",
    "Take it out of the cell, or send through another transport.",
)
TOO_LARGE = Finding(
    "too_large",
    Severity.WARNS,
    "The HTML comes near 102 KB or passes it: Gmail cuts it there, and the unsubscribe link with it.",
    "Make the template shorter.",
)


def check_values(shape: Shape, facts: ShapeFacts, joined: str, *, sendgrid: bool) -> list[Finding]:
    """What is wrong with a message's values; in `joined` a NUL ends each of them."""
    found: list[Finding] = []
    if not is_plain(joined):
        found += _check_characters(facts, joined)
    if sendgrid and "<%" in joined:
        found.append(SENDGRID_TAG)
    if facts.html_bytes + _WIDEST * facts.html_repeats * len(joined) >= WARNED_FROM:
        found += _check_size(shape, facts, joined)
    return found


def is_plain(joined: str) -> bool:
    """Whether there is nothing but printable characters and single blanks."""
    text = joined.replace("\0", "")
    return text.isprintable() and "  " not in text


def _check_characters(facts: ShapeFacts, joined: str) -> Iterator[Finding]:
    values = joined.split("\0")
    in_headers = [values[slot] for slot in facts.header_slots]
    if any(_FORBIDDEN.search(value) for value in in_headers):
        yield HEADER_INJECTION
    elif any(_WHITE.search(value) for value in in_headers):
        yield HEADER_WHITE


def _check_size(shape: Shape, facts: ShapeFacts, joined: str) -> Iterator[Finding]:
    values = joined.split("\0")
    printed = (piece for piece in shape.html or () if isinstance(piece, Hole) and piece.slot >= 0)
    size = facts.html_bytes + sum(len(escaped(values[hole.slot], hole.escape).encode()) for hole in printed)
    if size >= WARNED_FROM:
        yield TOO_LARGE
