"""`rows`: all rows of one person, as a template sees them."""

import pytest
from rendering import ADA, EMPTY, mails, render

from campaigns.compose.render import Batch
from campaigns.message import fill
from tests.unit.compose import rendering

BOB = ["Bob", ["10", 10], ["02.12.2026", "2026-12-02"], ["nein", False], "cake", "de"]


def together(body: str, *rows: list[object], kind: str = "txt") -> Batch:
    first, *others = rows
    session = rendering.Session(rendering.job(rendering.source(body, kind)))
    return session.render([(2, first, others)])


def text(body: str, *rows: list[object]) -> str:
    [message] = mails(together(body, *rows))
    return fill.text(message).strip()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{{ rows|length }}", "2"),
        ("{% for one in rows %}{{ one.first_name }} {{ one.amount }};{% endfor %}", "Ada 1.234,50;Bob 10;"),
        ('{{ rows|sum(attribute="amount") }}', "1244.5"),
        ('{{ rows|max(attribute="due")|date("long") }}', "2. Dezember 2026"),
        ('{{ rows|min(attribute="amount") }}', "10"),
        ('{{ rows|map(attribute="items")|join(" + ") }}', "tea, milk + cake"),
        ('{% for one in rows|sort(attribute="amount") %}{{ one.first_name }} {% endfor %}', "Bob Ada"),
        ("{{ rows[1].first_name|upper }}", "BOB"),
        ("{% for one in rows if one.member %}{{ one.first_name }}{% endfor %}", "Ada"),
        ("{{ rows[0].nothing is defined }}", "False"),
    ],
)
def test_rows_compute_and_print_as_cells_do(body: str, said: str) -> None:
    assert text(body, ADA, BOB) == said


def test_one_row_is_a_list_of_one() -> None:
    assert text("{% for one in rows %}{{ one.first_name }}{% endfor %}", ADA) == "Ada"


def test_empty_cells_count_nothing_in_a_sum() -> None:
    assert text('{{ rows|sum(attribute="amount") }}', BOB, EMPTY) == "10"


def test_each_printed_value_is_escaped_where_it_stands() -> None:
    mean = ["<b>x</b>", *ADA[1:]]
    [message] = mails(together("<p>{% for one in rows %}{{ one.first_name }}{% endfor %}</p>", ADA, mean, kind="html"))
    assert "Ada&lt;b&gt;x&lt;/b&gt;" in (fill.html_body(message) or "")


@pytest.mark.parametrize(
    "body", ["{{ rows[0].frist_name }}", '{{ rows|map(attribute="frist_name")|join }}', '{{ rows[0]["frist_name"] }}']
)
def test_a_field_that_no_column_brings_is_named_with_the_nearest(body: str) -> None:
    [problem] = together(body, ADA, BOB).problems.values()
    assert "There is no merge field “frist_name”." in problem.sentence
    assert problem.remedy == "Did you mean first_name?"


@pytest.mark.parametrize("body", ["{{ rows[0] }}", "{{ rows }}", "{{ rows[0]._cells }}", "{{ rows[0].__class__ }}"])
def test_nothing_but_cells_comes_out_of_a_row(body: str) -> None:
    assert together(body, ADA, BOB).problems


def test_rows_that_differ_in_what_is_printed_once_are_counted() -> None:
    batch = together("{{ first_name }} {% for one in rows %}{{ one.amount }}{% endfor %}", ADA, BOB)
    assert [(one.code, one.first_rows) for one in batch.findings] == [("rows_disagree", (2,))]
    assert not together("{{ first_name }} {{ rows|length }}", ADA, ADA).findings


def test_a_sheet_without_joined_rows_says_nothing() -> None:
    assert not render("{{ first_name }}", ADA, BOB, kind="txt").findings
