"""Files in mails, read back by the standard library's parser."""

import hashlib
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.message import attachment
from campaigns.message.attachment import Attachment, encoded_size, kind_of
from campaigns.message.message import Message
from campaigns.message.mime import pieces, to_bytes
from campaigns.message.shape import InlineImage, Shape
from tests.unit.message.test_mime import assert_clean, message

TEXT = Shape(subject=("Hello",), text=("A text\n",))
PAGE = Shape(subject=("Hello",), text=("A text\n",), html=("<p>A page</p>\n",))
PICTURE = replace(PAGE, images=(InlineImage("logo@x", "logo.png", "image/png", b"\x89PNG"),))
NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\u2028\u2029"), min_size=1, max_size=80
).filter(lambda name: name == name.strip())  # as `find` gives them


def a_file(name: str = "a.pdf", data: bytes = b"%PDF-1.7") -> Attachment:
    return Attachment(name, hashlib.sha256(data).hexdigest(), len(data), data)


def with_files(*files: Attachment, shape: Shape = TEXT) -> Message:
    return message(shape)._replace(files=files)


def received(mail: bytes) -> list[tuple[str | None, str, str | None, bytes]]:
    read = cast("EmailMessage", message_from_bytes(mail, policy=default))
    assert not [part.defects for part in read.walk() if part.defects]
    return [
        (part.get_filename(), part.get_content_type(), part.get_content_disposition(),
         cast("bytes", part.get_payload(decode=True)))
        for part in read.iter_attachments()
    ]  # fmt: skip


@given(NAMES, st.binary(max_size=300))
@example("Rechnung für Zoë, 2026; “Kopie” 100%.pdf", b"")
@example("=?utf-8?q?a?=.pdf", b"x")
@example('a"b\\c.pdf', b"\r\n.\r\n")
@example("ü" * 120 + ".pdf", b"x")
@example("a" * 200 + ".pdf", b"x")
@example("utf-8''x.pdf", b"x")
def test_any_name_and_any_bytes_are_read_back(name: str, data: bytes) -> None:
    mail = to_bytes(with_files(a_file(name, data)))
    assert_clean(mail, columns=78)
    assert received(mail) == [(name, kind_of(name), "attachment", data)]


@pytest.mark.parametrize(
    "shape", [TEXT, replace(TEXT, text=("No line end",)), replace(TEXT, text=("Grüße ü ö ä\n",)), PAGE, PICTURE]
)
def test_the_mail_within_is_what_it_is_without_files(shape: Shape) -> None:
    plain = cast("EmailMessage", message_from_bytes(to_bytes(message(shape)), policy=default))
    mail = cast("EmailMessage", message_from_bytes(to_bytes(with_files(a_file(), shape=shape)), policy=default))
    assert mail.get_content_type() == "multipart/mixed"
    headers = {name: str(value) for name, value in mail.items() if not name.startswith("Content-")}
    assert headers == {name: str(value) for name, value in plain.items() if not name.startswith("Content-")}
    within = next(mail.iter_parts())
    assert leaves(within) == leaves(plain)


def leaves(mail: Any) -> list[tuple[str, bytes]]:
    return [(p.get_content_type(), p.get_payload(decode=True)) for p in mail.walk() if not p.is_multipart()]


def test_several_files_keep_their_order() -> None:
    files = [a_file("b.pdf", b"1"), a_file("a.csv", b"2"), a_file("c.bin", b"3")]
    assert [(name, kind) for name, kind, _, _ in received(to_bytes(with_files(*files)))] == [
        ("b.pdf", "application/pdf"),
        ("a.csv", "text/csv"),
        ("c.bin", "application/octet-stream"),
    ]


def test_a_subject_cannot_pretend_to_be_the_header_that_files_are_put_behind() -> None:
    shape = replace(TEXT, subject=("MIME-Version: 1.0 " * 8,))
    read = cast("EmailMessage", message_from_bytes(to_bytes(with_files(a_file(), shape=shape)), policy=default))
    assert str(read["Subject"]) == ("MIME-Version: 1.0 " * 8).strip()
    assert len(list(read.iter_attachments())) == 1


def test_no_piece_ends_within_a_line_end() -> None:
    made = pieces(with_files(a_file(data=b"x" * 5_000), a_file("b", b"")))
    assert b"".join(made) == to_bytes(with_files(a_file(data=b"x" * 5_000), a_file("b", b"")))
    assert not [piece for piece in made if piece.endswith(b"\r")]


def test_a_file_for_many_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    monkeypatch.setattr(attachment, "_HELD", attachment._Held(1_000))
    monkeypatch.setattr(attachment, "_lines", lambda data: encoded.append(len(data)) or b"eA==")
    one, other = a_file(data=b"one"), a_file("b.pdf", b"other")
    for _ in range(5):
        pieces(with_files(one, other))
    assert sorted(encoded) == [3, 5]


def test_what_is_held_is_bounded_in_bytes() -> None:
    held = attachment._Held(100)
    for n in range(10):
        held.get((str(n), "line"), lambda: b"x" * 40)
    assert held._bytes == 80
    assert held.get(("large", "line"), lambda: b"y" * 500) == b"y" * 500
    assert list(held._made) == [("large", "line")]


@given(st.integers(0, 40_000))
def test_the_size_that_is_told_before_is_no_less_than_what_is_sent(size: int) -> None:
    one = a_file(data=b"x" * size)
    added = len(to_bytes(with_files(one, one))) - len(to_bytes(with_files(one)))
    assert added <= encoded_size(size) <= added + 400
