import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from campaigns.errors import SpreadsheetError, UsageError, Where
from campaigns.recipients.columns import cell_kind, column_letter, field_name, name_fields, place_of


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("First Name", "first_name"),
        ("E-Mail", "e_mail"),
        ("Größe (cm)", "größe_cm"),
        ("Фамилия", "фамилия"),
        ("नाम", "नाम"),
        ("2nd Gift", "c_2nd_gift"),
        ("Prénom\u00a0/ Nom", "prénom_nom"),
        ("Amount €", "amount"),
        ("ZOE\u0308", "zoë"),
        ("€", ""),
    ],
)
def test_a_header_becomes_a_field_name(header, field):
    assert field_name(header) == field


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=8))
def test_field_names_are_different_and_jinja_prints_them(headers):
    fields = name_fields(headers, {})
    assert len(set(fields)) == len(headers)
    environment = Environment()
    for field in fields:
        assert environment.from_string(f"{{{{ {field} }}}}").render({field: "seen"}) == "seen"


def test_doubled_headers_are_counted():
    assert name_fields(["Name", "name", "NAME", "Name 2"], {}) == ["name", "name_2", "name_3", "name_2_2"]


@pytest.mark.parametrize(
    "header", ["Row", "Today", "Campaign", "Loop", "Self", "In", "Not", "True", "Unsubscribe URL", "Range"]
)
def test_reserved_names_get_a_number(header):
    assert name_fields([header], {}) == [f"{field_name(header)}_2"]


def test_a_column_without_a_header_goes_by_its_letter():
    assert name_fields(["", "Name", ""], {}) == ["column_a", "name", "column_c"]


@pytest.mark.parametrize(
    ("place", "letter"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")]
)
def test_columns_have_the_letters_of_a_spreadsheet(place, letter):
    assert column_letter(place) == letter


def test_an_unknown_header_is_answered_with_the_nearest():
    with pytest.raises(SpreadsheetError) as error:
        place_of("First Nmae", ["First Name", "E-Mail"], Where())
    assert error.value.remedy == "Did you mean “First Name”?"


def test_a_header_that_two_columns_have_is_no_choice():
    with pytest.raises(SpreadsheetError, match=r"2 columns are called “Name” \(A, C\)"):
        place_of("Name", ["Name", "Mail", "Name"], Where())


@pytest.mark.parametrize("word", ["number", "Number", "yes/no", "yes_no", "DATE", "text"])
def test_kinds_are_read_as_people_write_them(word):
    assert cell_kind(word) in ("number", "yes_no", "date", "text")


def test_an_unknown_kind_is_answered_with_the_nearest():
    with pytest.raises(UsageError) as error:
        cell_kind("numbr")
    assert error.value.remedy == "Did you mean number?"
