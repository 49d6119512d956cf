from datetime import date

import pytest
from rendering import ADA, EMPTY, problem, read

from campaigns.compose.cells import Cell
from campaigns.model.column import CellKind


def with_(**cells):
    row = list(ADA)
    for place, name in enumerate(("first_name", "amount", "due", "member", "items", "locale")):
        row[place] = cells.get(name, row[place])
    return row


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("{{ amount }}", "1.234,50"),
        ("{{ amount * 2 }}", "2469"),
        ("{{ amount + 0.5 }}", "1235"),
        ("{{ 1000 - amount }}", "-234.5"),
        ("{{ amount / 2 }}", "617.25"),
        ("{{ amount // 100 }}", "12"),
        ("{{ amount % 100 }}", "34.5"),
        ("{{ 0.1 + 0.2 }}", "0.3"),
        ("{{ -amount }}", "-1234.5"),
        ("{{ amount + amount }}", "2469"),
        ("{% if amount > 1000 %}much{% endif %}", "much"),
        ("{% if 2000 > amount %}less{% endif %}", "less"),
        ("{% if amount == 1234.5 %}same{% endif %}", "same"),
        ('{% if amount == "1.234,50" %}same{% endif %}', "same"),
        ('{% if first_name == "Ada" %}hers{% endif %}', "hers"),
        ('{% if first_name in ["Ada", "Bob"] %}in{% endif %}', "in"),
        ('{% if "d" in first_name %}has{% endif %}', "has"),
        ('{% if first_name < "Bob" %}before{% endif %}', "before"),
        ("{{ first_name[0] }}.", "A."),
        ("{{ first_name[1:] }}", "da"),
        ('{{ first_name + " L." }}', "Ada L."),
        ('{{ "Dr. " + first_name }}', "Dr. Ada"),
        ("{{ first_name ~ amount }}", "Ada1.234,50"),
        ("{% for letter in first_name %}{{ letter }}-{% endfor %}", "A-d-a-"),
        ("{% if member %}yes{% else %}no{% endif %}", "yes"),
        ("{% if due > today %}later{% endif %}", "later"),
        ('{% if due == "01.12.2026" %}shown{% endif %}', "shown"),
        ('{% if due < "2026-12-31" %}this year{% endif %}', "this year"),
        ("{{ due - today }} days", "7 days"),
        ("{{ due + 30 }}", "31.12.2026"),
        ("{{ due - 1 }}", "30.11.2026"),
        ("{{ today }}", "24. November 2026"),
        ("{{ row }} {{ campaign }}", "2 winter"),
    ],
)
def test_a_cell_prints_as_its_cell_and_computes_as_its_value(written, read_as):
    assert read(written) == [read_as]


@pytest.mark.parametrize("test", ["amount", "first_name", "due", "member", "amount > 1", "amount < 1", "due > today"])
def test_an_empty_cell_is_false(test):
    assert read(f"{{% if {test} %}}full{{% else %}}empty{{% endif %}}", EMPTY) == ["empty"]


def test_zero_and_no_are_false():
    body = "{% if amount %}a{% endif %}{% if member %}m{% endif %}none"
    assert read(body, with_(amount=["0", 0], member=["nein", False])) == ["none"]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("{% if first_name > 100 %}{% endif %}", "“Ada” in first_name is a text"),
        ('{% if amount > "100" %}{% endif %}', "amount is a number and “100” is a text"),
        ('{% if due > "soon" %}{% endif %}', "due is a date, and “soon” is none"),
        ("{{ first_name * 2 }}", "“Ada” in first_name is no number"),
        ("{{ first_name / 2 }}", "“Ada” in first_name is no number"),
        ("{{ amount / 0 }}", "divides by zero"),
        ("{{ first_name.upper() }}", "first_name.upper does not exist"),
        ("{{ first_name() }}", "first_name is a merge field, no function"),
    ],
)
def test_what_does_not_fit_together_is_said_with_field_and_row(written, says):
    found = problem(written)
    assert says in found.sentence
    assert found.sentence.startswith("Row 2: ")
    assert (found.code, found.severity, found.first_rows) == ("template_error", "stops", (2,))
    assert found.where.startswith("mail.html, line 4")
    assert found.remedy


def test_computing_with_an_empty_cell_names_the_question_to_ask_first():
    assert problem("{{ amount * 2 }}", EMPTY).remedy == "Ask first: {% if amount %}."


def test_a_number_that_could_not_be_read_is_a_text_when_computed_with():
    found = problem("{{ amount + 1 }}", with_(amount=["n/a", None]))
    assert "“n/a” in amount is no number" in found.sentence
    assert "--type amount=number" in found.remedy


def test_the_type_of_a_cell_has_no_public_attribute():
    assert [name for name in dir(Cell) if not name.startswith("_")] == []


def test_a_day_compares_with_an_instant_of_that_day():
    day = Cell("due", CellKind.DATE, 0, "x", "2026-12-01")
    instant = Cell("at", CellKind.DATE, 1, "y", "2026-12-01T09:00:00")
    assert day == instant
    assert day >= instant
    assert day == date(2026, 12, 1)
