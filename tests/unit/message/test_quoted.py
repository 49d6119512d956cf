"""Pieces in quoted-printable, decoded by the standard library."""

import base64
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.message.quoted import in_base64, quoted

runs = st.sampled_from(["a", " ", ".", "From ", "=", "\t", "ü", "😀", "\n", "\r", "\x00", "\x0b", "x" * 20, " " * 30])
texts = st.one_of(st.text(max_size=300), st.lists(runs, max_size=60).map("".join))


@settings(max_examples=500, deadline=None)
@given(texts)
def test_a_piece_is_decoded_as_it_was(text: str) -> None:
    assert quopri.decodestring(quoted(text)) == text.replace("\n", "\r\n").encode()


@settings(max_examples=500, deadline=None)
@given(texts)
def test_every_line_is_safe_on_the_way(text: str) -> None:
    lines = quoted(text).split(b"\r\n")
    assert len(lines[-1]) <= 75, "no room for a soft break"
    for line in lines:
        assert len(line) <= 76
        assert all(0x20 <= octet < 0x7F for octet in line)
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b" ="))


@pytest.mark.parametrize("columns", range(70, 80))
@pytest.mark.parametrize("end", ["", " ", "=", "é", " .", ". ", "  From x"])
def test_lines_of_every_length_around_the_limit(columns: int, end: str) -> None:
    text = "x" * columns + end
    assert quopri.decodestring(quoted(text)) == text.encode()
    assert max(map(len, quoted(text).split(b"\r\n"))) <= 76


def test_a_long_line_takes_time_in_proportion() -> None:
    assert len(quoted("x" * 3_000_000).split(b"\r\n")) == 40_000


@given(st.text(max_size=400))
def test_base64_has_76_columns(text: str) -> None:
    encoded = in_base64(text)
    assert base64.b64decode(encoded) == text.replace("\n", "\r\n").encode()
    assert all(len(line) == 76 for line in encoded.split(b"\r\n")[:-1])
