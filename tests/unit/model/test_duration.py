from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.model.duration import in_words, parse_duration, text_of


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("60min", timedelta(hours=1)),
        ("24h", timedelta(days=1)),
        ("3d", timedelta(days=3)),
        ("1h 30min", timedelta(minutes=90)),
        ("10 MIN", timedelta(minutes=10)),
    ],
)
def test_lengths_are_read_as_people_write_them(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "60", "min", "5 weeks", "-5min", "1.5h", "10y", "9999999d"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\."):
        parse_duration(text)


@given(st.integers(0, 3_650 * 86_400))
def test_the_text_form_reads_back(seconds: int) -> None:
    assert parse_duration(text_of(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_one_of_a_unit_has_no_plural() -> None:
    assert in_words(timedelta(days=1, hours=1)) == "1 day 1 hour"


def test_less_than_a_second_is_no_seconds() -> None:
    assert in_words(timedelta(milliseconds=5)) == "0 seconds"
