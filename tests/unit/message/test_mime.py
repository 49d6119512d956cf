"""Mails as bytes, judged by the standard library's parser: what is decoded is what was filled."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.message.fill import html_body, subject, text
from campaigns.message.message import Message, Sender
from campaigns.message.mime import to_bytes
from campaigns.message.shape import UNSUBSCRIBE_URL, Escape, Hole, InlineImage, Pieces, Shape

NOW = datetime(2026, 12, 1, 8, 0, 0, 250_000, tzinfo=UTC)
SENDER = Sender(
    campaign_id=1,
    campaign="Advent",
    bulk=True,
    name="Ada Lovelace",
    address="ada@example.com",
    reply_to="Help Desk <help@example.com>",
    public_url="https://mail.example.org",
)
IMAGE = InlineImage("logo.1", "lögö.png", "image/png", bytes(range(256)) * 3)


def message(shape: Shape, *values: str, sender: Sender = SENDER, **other: Any) -> Message:
    given = {
        "id": 77,
        "token": b"\x01\x02\x03\x04\x05\x06\x07\x08",
        "shape_id": 1,
        "to": "bob@example.org",
        "leased_at": NOW,
    }
    return Message(sender=sender, shape=shape, values=values, **{**given, **other})


def parsed(mail: bytes) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(mail, policy=default))


def content(part: Any) -> str:
    return cast("str", part.get_content()).replace("\r\n", "\n")


def body(mail: EmailMessage, kind: str) -> str:
    return content(mail.get_body((kind,)))


def assert_clean(mail: bytes, *, columns: int = 998) -> None:
    """What every server may count on, whatever the values are."""
    assert mail.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", mail), "a bare CR or LF"
    assert not re.search(rb"[^\r\n -~]", mail), "not printable ASCII"
    _, _, rest = mail.partition(b"\r\n\r\n")
    for line in mail.split(b"\r\n"):
        assert not line.startswith((b".", b"From "))
        assert len(line) <= columns
    for line in rest.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.endswith((b" ", b"\t"))


# ---------------------------------------------------------------- any template, any value

letters = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
hostile = st.sampled_from(
    [
        ".",
        "..",
        "From ",
        "\n.\n",
        "\n.\r\n",
        "\r",
        "\r\n",
        "\n",
        "\r\n.\r\n",
        " ",
        "   \n",
        "\t",
        "=",
        "=3D",
        "--=_a.4d.0102030405060708",
        "é",
        "日本",
        "😀",
        "x" * 74,
        "x" * 75,
        "x" * 76,
        "x" * 77,
        "é" * 26,
        " " * 80,
        "<b>&\"'",
        "?",
        "=?utf-8?q?a?=",
        "\x7f",
        "\x01",
        "\u2028",
        "\x85",
        "\x0c",
    ]
)
words = st.lists(st.one_of(st.text(letters, max_size=8), hostile), max_size=6).map("".join)
constants = words.map(lambda word: word.replace("\r", ""))


def pieces(*escapes: Escape) -> st.SearchStrategy[Pieces]:
    hole = st.builds(Hole, st.integers(0, 2), st.sampled_from(escapes))
    computed = st.builds(Hole, st.just(UNSUBSCRIBE_URL), st.sampled_from(escapes))
    return st.lists(st.one_of(constants, constants, hole, hole, computed), max_size=7).map(tuple)


texts = pieces(Escape.PLAIN, Escape.PLAIN_URL, Escape.PLAIN_URL_PART)
htmls = pieces(Escape.HTML, Escape.HTML_URL, Escape.HTML_URL_PART)


@settings(max_examples=400, deadline=None)
@given(texts, st.none() | htmls, st.tuples(words, words, words), st.booleans())
def test_text_and_html_are_decoded_as_they_were_filled(
    text_pieces: Pieces, html_pieces: Pieces | None, values: tuple[str, ...], with_image: bool
) -> None:
    one = message(Shape(("s",), text_pieces, html_pieces, (IMAGE,) if with_image else ()), *values)
    mail = to_bytes(one)
    assert_clean(mail)
    got = parsed(mail)
    assert body(got, "plain") == text(one)
    if html_pieces is not None:
        assert body(got, "html") == html_body(one)
    assert not any(part.defects for part in got.walk())


subject_letters = st.characters(exclude_categories=("Cs", "Cc"))
subject_words = st.lists(
    st.one_of(
        st.text(subject_letters, max_size=8),
        st.sampled_from(
            [
                "=?utf-8?q?a?=",
                "=?",
                " ",
                "x" * 80,
                "ä" * 30,
                "日本語" * 12,
                "😀" * 9,
                '"',
                "a, b",
                "\r\nBcc: eve@example.com",
            ]
        ),
    ),
    max_size=8,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(subject_words, subject_words)
def test_a_subject_is_decoded_as_it_was_filled(constant: str, value: str) -> None:
    one = message(Shape((constant.replace("\r", ""), Hole(0, Escape.PLAIN)), ("t",)), value)
    mail = to_bytes(one)
    assert_clean(mail, columns=78)
    got = parsed(mail)
    assert str(got["Subject"]) == subject(one)
    assert got["Bcc"] is None


@settings(max_examples=300, deadline=None)
@given(subject_words)
def test_a_display_name_is_decoded_as_it_was_given(name: str) -> None:
    sender = Sender(1, "c", False, name, "ada@example.com", f"{_quoted(name)} <help@example.com>")
    mail = to_bytes(message(Shape(("s",), ("t",)), sender=sender))
    assert_clean(mail, columns=78)
    for header, address in (("From", "ada@example.com"), ("Reply-To", "help@example.com")):
        raw = message_from_bytes(mail)[header]  # the newer parser of 3.11 leaves a blank between two encoded words
        phrase, _, rest = raw.replace("\r\n", "").rpartition("<")
        display_name = parseaddr(raw)[0] if phrase.startswith('"') else phrase.strip()
        assert str(make_header(decode_header(display_name))) == " ".join(name.split())
        assert rest.removesuffix(">") == address


def _quoted(name: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'


# ---------------------------------------------------------------- headers


def test_the_headers_of_a_bulk_mail() -> None:
    got = parsed(to_bytes(message(Shape(("Hello",), ("t",)))))
    assert {name: str(value) for name, value in got.items() if not name.startswith("Content")} == {
        "From": "Ada Lovelace <ada@example.com>",
        "To": "bob@example.org",
        "Reply-To": "Help Desk <help@example.com>",
        "Subject": "Hello",
        "Date": "Tue, 01 Dec 2026 08:00:00 +0000",
        "Message-ID": "<4d.0102030405060708@example.com>",
        "List-Unsubscribe": "<https://mail.example.org/u/4d.0102030405060708>, "
        "<mailto:help@example.com?subject=unsubscribe%204d.0102030405060708>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
    }


def test_a_transactional_mail_has_no_list_headers() -> None:
    got = parsed(to_bytes(message(Shape(("s",), ("t",)), sender=Sender(1, "c", False, "", "ada@example.com"))))
    assert str(got["From"]) == "ada@example.com"
    assert [name for name in got if name.startswith(("List-", "Reply"))] == []


def test_the_date_is_the_instant_of_the_lease_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    got = parsed(to_bytes(message(Shape(("s",), ("t",)), leased_at=NOW.astimezone(berlin))))
    assert str(got["Date"]) == "Tue, 01 Dec 2026 08:00:00 +0000"


def test_header_lines_are_folded_at_76_columns() -> None:
    long = "Your invoice for the month of November is ready and waits for you in the customer portal since today"
    sender = Sender(
        1, "c", True, "Countess Augusta Ada King of Lovelace and Wentworth", "ada.king.lovelace@example.com"
    )
    mail = to_bytes(message(Shape((long,), ("t",)), sender=sender))
    lines = [line for line in mail.partition(b"\r\n\r\n")[0].split(b"\r\n") if b"mailto:" not in line]  # one long word
    assert max(map(len, lines)) <= 76
    assert str(parsed(mail)["Subject"]) == long


def test_a_line_break_in_a_name_cannot_add_a_header() -> None:
    sender = Sender(1, "c", False, "Ada\r\nBcc: eve@example.com", "ada@example.com")
    got = parsed(to_bytes(message(Shape(("s",), ("t",)), to="bob@example.org\r\nCc: eve@example.com", sender=sender)))
    assert got["Bcc"] is None
    assert got["Cc"] is None


def test_an_address_with_foreign_letters_stands_in_the_header_as_utf_8() -> None:
    mail = to_bytes(message(Shape(("s",), ("t",)), to="jürgen@example.org"))
    assert "\r\nTo: jürgen@example.org\r\n".encode() in mail


# ---------------------------------------------------------------- bodies


def test_a_text_alone_is_no_multipart() -> None:
    assert parsed(to_bytes(message(Shape(("s",), ("t",))))).get_content_type() == "text/plain"


def test_text_stands_before_html_and_images_beside_the_html() -> None:
    got = parsed(to_bytes(message(Shape(("s",), ("t",), ("<img src='cid:logo.1'>",), (IMAGE,)))))
    kinds = [part.get_content_type() for part in got.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]


def test_an_image_arrives_whole_with_its_name_and_id() -> None:
    got = parsed(to_bytes(message(Shape(("s",), ("t",), ("h",), (IMAGE, IMAGE)))))
    images = [part for part in got.walk() if part.get_content_type() == "image/png"]
    assert [part.get_content() for part in images] == [IMAGE.data] * 2
    assert {(part["Content-ID"], part.get_filename(), part.get_content_disposition()) for part in images} == {
        ("<logo.1>", "lögö.png", "inline")
    }


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        ("Grüße aus Wien", "quoted-printable"),
        ("日" * 500, "base64"),
        ("a" * 1000 + "é" * 250, "quoted-printable"),
        ("a" * 990 + "é" * 250, "base64"),
    ],
)
def test_a_part_over_a_third_foreign_is_base64(value: str, encoding: str) -> None:
    one = message(Shape(("s",), ("", Hole(0, Escape.PLAIN))), value)
    got = parsed(to_bytes(one))
    assert got["Content-Transfer-Encoding"] == encoding
    assert content(got) == value


def test_a_retry_gives_the_same_bytes_but_for_the_date() -> None:
    shape = Shape(("s",), ("t",), ("<p>", Hole(0, Escape.HTML)))
    first = to_bytes(message(shape, "x"))
    later = to_bytes(
        message(Shape(("s",), ("t",), ("<p>", Hole(0, Escape.HTML))), "x", leased_at=NOW + timedelta(hours=1))
    )
    assert first != later
    assert [line for line in first.split(b"\r\n") if not line.startswith(b"Date")] == [
        line for line in later.split(b"\r\n") if not line.startswith(b"Date")
    ]


def test_another_shape_or_sender_with_the_same_number_is_not_mixed_up() -> None:
    to_bytes(message(Shape(("one",), ("one",))))
    two = parsed(to_bytes(message(Shape(("two",), ("two",)))))
    assert (str(two["Subject"]), content(two)) == ("two", "two")
    other = parsed(to_bytes(message(Shape(("two",), ("two",)), sender=Sender(2, "d", False, "", "eve@example.com"))))
    assert str(other["From"]) == "eve@example.com"


def test_the_links_of_two_messages_differ() -> None:
    shape = Shape(
        ("s",),
        ("Leave: ", Hole(UNSUBSCRIBE_URL, Escape.PLAIN_URL)),
        ("<a href='", Hole(UNSUBSCRIBE_URL, Escape.HTML_URL), "'>"),
    )
    for number in (1, 2**40):
        one = message(shape, id=number)
        got = parsed(to_bytes(one))
        assert body(got, "plain") == text(one)
        assert f"/u/{number:x}." in body(got, "html")
