"""What a shape says about all of its messages: the link that must be there, holes that need a look at each value."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.message.shape import UNSUBSCRIBE_URL, Hole, Pieces, Shape
from campaigns.model.finding import Finding
from campaigns.model.states import CampaignKind, Severity

FEW_PEOPLE = 20  # a shape that fewer people share saves little: each is laid out, kept and sent by itself
MANY_SHAPES = 100
LINK_BYTES = 200  # an unsubscribe or view link, generously


@dataclass(frozen=True, slots=True)
class ShapeFacts:
    """What the check of a row's values needs to know of its shape."""

    header_slots: tuple[int, ...]  # values that reach a header
    html_bytes: int  # of what is the same for all: constant pieces and our own links
    html_repeats: int  # how often the value printed most often stands in the HTML


def facts_of(shape: Shape) -> ShapeFacts:
    html = shape.html or ()
    repeats = Counter(slot for slot in _slots(html) if slot >= 0)
    return ShapeFacts(
        header_slots=tuple(sorted({slot for slot in _slots(shape.subject) if slot >= 0})),
        html_bytes=sum(_bytes(piece) for piece in html),
        html_repeats=max(repeats.values(), default=0),
    )


def check_shape(shape: Shape, *, kind: CampaignKind, template: str) -> Iterator[Finding]:
    """The link that the law needs."""
    body = shape.text if shape.html is None else shape.html
    if kind is CampaignKind.BULK and UNSUBSCRIBE_URL not in _slots(body):
        yield Finding(
            "no_unsubscribe",
            Severity.STOPS,
            "A mail to many needs a way out, and this one prints no unsubscribe link.",
            "Print {{ unsubscribe_url }} in the template, or create the campaign with --transactional.",
            template,
        )


def check_way_out(*, kind: CampaignKind, public_url: str) -> Iterator[Finding]:
    """How people leave a bulk campaign's list."""
    if kind is not CampaignKind.BULK:
        return
    if public_url:
        yield Finding(
            "public_url_unserved",
            Severity.WARNS,
            f"The unsubscribe links lead to {public_url}, and Mergecast does not answer there yet.",
            "Unless something of yours answers there, take `public_url` out of mergecast.toml: people then unsubscribe by mail.",
        )
    else:
        yield Finding(
            "unsubscribe_mailto",
            Severity.WARNS,
            "Unsubscribing is by mail to the sender: there is no one-click, and Mergecast does not read that mailbox yet.",
            "Watch the mailbox and use `mergecast suppress add`, or set `public_url` in mergecast.toml.",
        )


def check_count(shapes: int, messages: int, *, template: str) -> Iterator[Finding]:
    """Whether the mails have anything in common."""
    if shapes > MANY_SHAPES and messages < FEW_PEOPLE * shapes:
        yield Finding(
            "many_shapes",
            Severity.WARNS,
            f"The {messages} mails have {shapes} different shapes: preparing and sending them takes long.",
            "Fewer conditions and loops make fewer shapes.",
            template,
        )


def _bytes(piece: str | Hole) -> int:
    if isinstance(piece, str):
        return len(piece.encode())
    return LINK_BYTES if piece.slot < 0 else 0


def _slots(pieces: Pieces) -> list[int]:
    return [piece.slot for piece in pieces if isinstance(piece, Hole)]
