import pytest

from campaigns.checks.shapes import facts_of
from campaigns.checks.values import check_values, is_plain
from campaigns.message.shape import UNSUBSCRIBE_URL, Escape, Hole, Pieces, Shape


def codes(shape: Shape, *values: str, sendgrid: bool = False) -> list[str]:
    joined = "".join(f"{value}\0" for value in values)
    return [finding.code for finding in check_values(shape, facts_of(shape), joined, sendgrid=sendgrid)]


def mail(subject: Pieces = ("Hello",), html: Pieces | None = None, text: Pieces = ("Hello",)) -> Shape:
    return Shape(subject, text, html)


NAME_IN_SUBJECT = mail(subject=("Hello ", Hole(0, Escape.PLAIN)))
NAME_IN_BODY = mail(html=("<p>", Hole(0, Escape.HTML), "</p>"))


def test_an_ordinary_name_passes() -> None:
    assert codes(NAME_IN_SUBJECT, "Zoë O’Brien-Łukasz") == []


@pytest.mark.parametrize("control", ["\x01", "\x1b", "\x7f", "\x9f", "\u202e", "\u2066"])
def test_a_control_character_or_bidi_override_in_the_subject_leaves_the_row_out(control: str) -> None:
    assert codes(NAME_IN_SUBJECT, f"Ada{control}Lovelace") == ["header_injection"]


@pytest.mark.parametrize("white", ["\r\n", "\n", "\t", "\x0b", "\x85", "\u2028", "\u2029", "  ", "\n\r\n"])
def test_white_space_in_the_subject_is_a_warning(white: str) -> None:
    assert codes(NAME_IN_SUBJECT, f"Ada{white}Bcc: eve@example.net") == ["header_white_space"]


@pytest.mark.parametrize("harmless", ["\n", "\t", "\x01", "\u202e", "  "])
def test_what_would_be_odd_in_a_header_may_stand_in_the_body(harmless: str) -> None:
    assert codes(NAME_IN_BODY, f"one{harmless}two") == []


def test_only_the_values_that_the_subject_prints_are_held_to_its_rules() -> None:
    both = mail(subject=(Hole(1, Escape.PLAIN),), html=(Hole(0, Escape.HTML),))
    assert codes(both, "line\nbreak", "Ada") == []
    assert codes(both, "Ada", "line\nbreak") == ["header_white_space"]


def test_a_sendgrid_tag_is_found_only_where_sendgrid_sends() -> None:
    assert codes(NAME_IN_BODY, "<%body%>", sendgrid=True) == ["sendgrid_tag"]
    assert codes(NAME_IN_BODY, "<%body%>") == []


def test_a_large_mail_is_a_warning() -> None:
    assert codes(mail(html=("x" * 92_160,)), "") == ["too_large"]
    assert codes(mail(html=("x" * 92_159,)), "") == []


def test_a_value_counts_as_often_as_it_stands_in_the_html_and_as_it_is_escaped() -> None:
    hole = Hole(0, Escape.HTML)
    shape = mail(html=("x" * 92_060, hole, hole))
    assert codes(shape, "&" * 10) == ["too_large"]  # &amp; twice: 100 bytes
    assert codes(shape, "a" * 10) == []


def test_the_unsubscribe_link_counts_too() -> None:
    assert codes(mail(html=("x" * 92_000, Hole(UNSUBSCRIBE_URL, Escape.HTML_URL), "")), "") == ["too_large"]


def test_the_quick_look_lets_through_only_what_the_slow_one_would() -> None:
    assert is_plain("Ada\0Lovelace\0")
    for odd in ("a\nb", "a  b", "a\u202eb", "a\u2028b", "a\x85b"):
        assert not is_plain(odd)
