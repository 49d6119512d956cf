"""Messages for tests of the SendGrid transport."""

from datetime import UTC, datetime

from campaigns.message.message import Message, Sender
from campaigns.message.shape import UNSUBSCRIBE_URL, Escape, Hole, Shape

SENDER = Sender(
    campaign_id=7,
    campaign="spring",
    bulk=True,
    name="Ada Lovelace",
    address="ada@example.com",
    reply_to="Answers <answers@example.com>",
    public_url="https://mail.example.org",
    tag_salt=b"salt of the test",
)
SHAPE = Shape(
    subject=("Dear ", Hole(0, Escape.PLAIN), ", your order"),
    text=("Dear ", Hole(0, Escape.PLAIN), ",\nleave: ", Hole(UNSUBSCRIBE_URL, Escape.PLAIN_URL), "\n"),
    html=(
        "<p>Dear ",
        Hole(0, Escape.HTML),
        '</p><a href="https://example.com/?q=',
        Hole(1, Escape.HTML_URL_PART),
        '">look</a> <a href="',
        Hole(UNSUBSCRIBE_URL, Escape.HTML_URL),
        '">leave</a>',
    ),
)
CONSTANT = Shape(subject=("News",), text=("Same for all.\n",))


def a_message(
    n: int = 1,
    *values: str,
    to: str = "",
    shape: Shape = SHAPE,
    sender: Sender = SENDER,
) -> Message:
    """Message number n, to person n unless `to` says otherwise."""
    return Message(
        id=n,
        token=n.to_bytes(8),
        sender=sender,
        shape_id=1,
        shape=shape,
        to=to or f"person{n}@example.com",
        values=values or (f"Person {n}", f"word {n}"),
        leased_at=datetime(2026, 12, 1, 9, tzinfo=UTC),
    )
