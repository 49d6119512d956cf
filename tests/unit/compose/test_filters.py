import pytest
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st
from rendering import ADA, EMPTY, mails, problem, read, render

from campaigns.compose.speech import decimal_text, money_text
from campaigns.message import fill

GERMAN = list(ADA)
ENGLISH = [*ADA[:5], "en-GB"]
NOWHERE = [*ADA[:5], "xx-unknown"]


@pytest.mark.parametrize(
    ("written", "german", "english"),
    [
        ("{{ due|date }}", "01.12.2026", "1 Dec 2026"),
        ('{{ due|date("long") }}', "1. Dezember 2026", "1 December 2026"),
        ('{{ due|date("EEEE") }}', "Dienstag", "Tuesday"),
        ('{{ due|date("d. MMM") }}', "1. Dez.", "1. Dec"),
        ('{{ amount|money("EUR") }}', "1.234,50 €", "€1,234.50"),
        ('{{ amount|money("JPY") }}', "1.234 ¥", "JP¥1,234"),
        ("{{ amount|number(1) }}", "1.234,5", "1,234.5"),
        ("{{ amount|number }}", "1.234,5", "1,234.5"),
        ("{{ 0.256|percent }}", "26 %", "26%"),
        ("{{ 0.256|percent(1) }}", "25,6 %", "25.6%"),
    ],
)
def test_values_are_written_in_the_recipients_locale(written, german, english):
    assert read(written, GERMAN, ENGLISH) == [german, english]


def test_an_unknown_locale_is_the_workspaces():
    assert read('{{ amount|money("EUR") }}', NOWHERE, locale="de") == ["1.234,50 €"]


@pytest.mark.parametrize(
    ("locale", "number", "word"),
    [("en", 1, "a"), ("en", 2, "b"), ("en", 0, "b"), ("fr", 0, "a"), ("pl", 1, "a"), ("pl", 3, "b"), ("pl", 5, "c")],
)
def test_plurals_follow_the_locales_rule(locale, number, word):
    row = [*ADA[:1], [str(number), number], *ADA[2:5], locale]
    assert read("{{ amount|plural('a', 'b', 'c') }}", row) == [word]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("{{ first_name|upper }}{{ first_name|lower }}", "ADAada"),
        ('{{ items|split(",")|join("/") }}', "tea/milk"),
        ('{% for item in items|split(",") %}<p>{{ loop.index }} {{ item }}</p>{% endfor %}', "1 tea 2 milk"),
        ('{{ items|split(",")|map("upper")|join(" ") }}', "TEA MILK"),
        ('{{ items|split(",")|length }}', "2"),
        ("{{ items|length }}", "9"),
        ('{{ first_name|replace("a", "e") }}', "Ade"),
        ('{{ "one two three"|truncate(9) }}', "one two…"),
        ("{{ 3.14159|round(2) }}", "3.14"),
        ("{{ amount|int }}", "1234"),
        ("{{ [3, 1, 2]|sort|join }}", "123"),
        ("{{ [1, 1, 2]|unique|join }}", "12"),
        ("{{ [1, 2]|sum }}", "3"),
        ("{{ items|split|first }} {{ items|split|last }}", "tea milk"),
        ('{{ nickname|default("friend") }}', "friend"),
        ('{{ first_name|default("friend") }}', "Ada"),
        ("{{ first_name|e }}", "Ada"),
        ("{{ '<b>x</b>'|striptags }}", "x"),
        ("{{ first_name|title|trim }}", "Ada"),
    ],
)
def test_the_small_filters(written, read_as):
    assert read(written) == [read_as]


def test_default_replaces_an_empty_cell():
    assert read('Dear {{ first_name|default("friend") }}', EMPTY) == ["Dear friend"]


@pytest.mark.parametrize("filter_", ["date", "time", "money('EUR')", "number(2)", "percent"])
def test_an_empty_cell_stays_empty_through_a_filter_that_formats(filter_):
    batch = render(f"x{{{{ amount|{filter_} }}}}y", EMPTY)
    assert fill.text(mails(batch)[0]).strip() == "xy"
    assert [(one.code, one.rows) for one in batch.findings] == [("empty_field", 1)]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("{{ first_name|date }}", "“Ada” in first_name is no date"),
        ("{{ first_name|money('EUR') }}", "“Ada” in first_name is no number"),
        ("{{ amount|money }}", "|money needs a currency"),
        ("{{ amount|money('EURO') }}", "“EURO” is no currency"),
        ("{{ due|date('EEEEEEEE') }}", "“EEEEEEEE” is no way to write a date"),
        ("{{ amount|number(99) }}", "no number of decimals"),
        ("{{ amount|upper(1, 2) }}", "|upper does not work"),
        ("{{ first_name|split('') }}", "needs a character"),
        ("{{ [1, 2] }}", "A list cannot be printed"),
        ("{{ nickname|upper }}", "no merge field “nickname”"),
    ],
)
def test_what_cannot_be_formatted_is_said(written, says):
    found = problem(written)
    assert says in found.sentence
    assert "Traceback" not in found.sentence


def test_safe_lets_only_harmless_html_of_a_column_through():
    evil = '<b>bold</b><script>x()</script><img src="../secrets.toml"><a href="javascript:x()" onclick="x()">l</a>'
    html = fill.html_body(mails(render("<p>{{ first_name|safe }}</p>", [evil, *ADA[1:]]))[0])
    assert "<b>bold</b>" in html
    for word in ("script", "secrets", "onclick"):
        assert word not in html


def test_lines_of_a_cell_become_lines_of_html_and_stay_holes():
    batch = render("<p>{{ first_name|nl2br }}</p>", ["a <\nb", *ADA[1:]], ["c\nd", *ADA[1:]])
    one, two = mails(batch)
    assert one.shape is two.shape
    assert "a &lt;<br>" in fill.html_body(one).replace("\n", "")


def test_urlencode_is_not_encoded_again():
    html = fill.html_body(
        mails(render('<a href="https://example.com/?q={{ first_name|urlencode }}">x</a>', ["a&b c", *ADA[1:]]))[0]
    )
    assert "q=a%26b%20c" in html


@given(
    st.floats(min_value=-1e12, max_value=1e12),
    st.sampled_from(["en_US", "de", "fr", "de_CH", "hi", "es", "pl", "ar", "nb"]),
)
def test_quick_numbers_are_those_of_babel(value, locale):
    value = value or 0.0
    assert money_text(value, "EUR", locale) == format_currency(value, "EUR", locale=locale)
    pattern = {"hi": "#,##,##0.00"}.get(locale, "#,##0.00")
    assert decimal_text(value, 2, locale) == format_decimal(value, pattern, locale=locale)
