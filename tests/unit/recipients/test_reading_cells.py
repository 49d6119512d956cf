"""What typed columns make of texts."""

from datetime import date

import pytest
from babel.dates import format_date
from babel.numbers import format_decimal
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import UsageError
from campaigns.recipients.written import Order, habits_of, read_date, read_number, read_yes_no


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1,234.50", ".", 1234.5),
        ("1.234,50", ",", 1234.5),
        ("1.234", ".", 1.234),
        ("1.234", ",", 1234),
        ("1 234,5", ",", 1234.5),
        ("1\u202f234,5", ",", 1234.5),
        ("1'234.50", ".", 1234.5),
        ("12,34,567", ".", None),
        ("1,23", ".", None),
        ("$1,234.50", ".", 1234.5),
        ("1.234,50 €", ",", 1234.5),
        ("EUR 12", ".", 12),
        ("-5", ".", -5),
        ("\u22125", ".", -5),
        ("5-", ".", -5),
        ("(12.50)", ".", -12.5),
        ("(12.50", ".", None),
        ("12 %", ".", 0.12),
        ("12.3%", ".", 0.123),
        (".5", ".", 0.5),
        ("0", ".", 0),
        ("123456789012345", ".", 123456789012345),
        ("1234567890123456", ".", None),
        ("12a", ".", None),
        ("", ".", None),
        ("31.12.2026", ",", None),
        ("1e5", ".", None),
        ("nan", ".", None),
        ("Infinity", ".", None),
    ],
)
def test_numbers_as_people_write_them(text, decimal, number):
    assert read_number(text, decimal) == number


@settings(deadline=None)
@given(
    st.integers(-(10**13), 10**13).map(lambda n: n / 100),
    st.sampled_from(["en_US", "de_DE", "fr_FR", "de_CH", "sv_SE"]),
)
def test_what_babel_writes_in_a_locale_is_read_back(number, locale):
    text = format_decimal(number, format="#,##0.00", locale=locale)
    assert read_number(text, habits_of(locale).decimal) == number


@pytest.mark.parametrize(
    ("text", "order", "iso"),
    [
        ("2026-12-31", Order.MONTH_FIRST, "2026-12-31"),
        ("2026/12/31", Order.MONTH_FIRST, "2026-12-31"),
        ("31.12.2026", Order.MONTH_FIRST, "2026-12-31"),
        ("1.2.26", Order.MONTH_FIRST, "2026-02-01"),
        ("01/02/2026", Order.MONTH_FIRST, "2026-01-02"),
        ("01/02/2026", Order.DAY_FIRST, "2026-02-01"),
        ("31/12/2026", Order.MONTH_FIRST, None),
        ("29.02.2026", Order.DAY_FIRST, None),
        ("1/1/30", Order.DAY_FIRST, "1930-01-01"),
        ("1/1/29", Order.DAY_FIRST, "2029-01-01"),
        ("2026-12-31 09:05", Order.DAY_FIRST, "2026-12-31T09:05:00"),
        ("2026-12-31T09:05:07Z", Order.DAY_FIRST, "2026-12-31T09:05:07"),
        ("12/31/2026 9:05 PM", Order.MONTH_FIRST, "2026-12-31T21:05:00"),
        ("12/31/2026 12:05 am", Order.MONTH_FIRST, "2026-12-31T00:05:00"),
        ("12/31/2026 13:05 PM", Order.MONTH_FIRST, None),
        ("2026-12-31 25:00", Order.DAY_FIRST, None),
        ("31 December 2026", Order.DAY_FIRST, "2026-12-31"),
        ("31. Dezember 2026", Order.DAY_FIRST, "2026-12-31"),
        ("1er janvier 2026", Order.DAY_FIRST, "2026-01-01"),
        ("Dec 31, 2026", Order.DAY_FIRST, "2026-12-31"),
        ("31-Dec-26", Order.DAY_FIRST, "2026-12-31"),
        ("1.2.3", Order.DAY_FIRST, None),
        ("12 monkeys 2026", Order.DAY_FIRST, None),
        ("soon", Order.DAY_FIRST, None),
    ],
)
def test_dates_as_people_write_them(text, order, iso):
    assert read_date(text, order) == iso


@settings(deadline=None)
@given(
    st.dates(date(1930, 1, 1), date(2029, 12, 31)),  # the years that two digits stand for
    st.sampled_from(["short", "medium", "long"]),
    st.sampled_from(["de_DE", "en_US", "en_GB", "fr_FR"]),
)
def test_what_babel_writes_as_a_date_is_read_back_or_not_at_all(day, width, locale):
    read = read_date(format_date(day, width, locale=locale), habits_of(locale).order)
    assert read in (None, day.isoformat())
    assert read is not None or width == "medium"


@pytest.mark.parametrize(
    ("word", "value"), [("Yes", True), ("NEIN", False), (" oui ", True), ("maybe", None), ("1", None)]
)
def test_yes_and_no(word, value):
    assert read_yes_no(word) is value


@pytest.mark.parametrize(
    ("locale", "decimal", "order"),
    [
        ("en_US", ".", Order.MONTH_FIRST),
        ("en-GB", ".", Order.DAY_FIRST),
        ("de", ",", Order.DAY_FIRST),
        ("sv_SE", ",", Order.DAY_FIRST),
    ],
)
def test_the_habits_of_a_locale(locale, decimal, order):
    habits = habits_of(locale)
    assert (habits.decimal, habits.order) == (decimal, order)


def test_an_unknown_locale_is_refused():
    with pytest.raises(UsageError, match="is no locale"):
        habits_of("klingon_XX_YY")
