from collections.abc import Sequence

import pytest

from campaigns.errors import SpreadsheetError, Where
from campaigns.model.column import Column, Role, Why
from campaigns.recipients.names import read_names
from campaigns.recipients.roles import Look, Roles, find_roles

Rows = Sequence[Sequence[str]]
PEOPLE = [
    ["Ada", "Quill", "ada.quill@example.com"],
    ["Jörg", "Groß", "joerg.gross@example.org"],
    ["Zoë", "", "z@example.org"],
]


def roles(headers: Sequence[str], rows: Rows, **more: dict[int, Column] | dict[int, str]) -> Roles:
    return find_roles(Look(headers, rows, read_names(), **more), Where())  # type: ignore[arg-type]


def address(headers: Sequence[str], rows: Rows, **more: dict[int, Column]) -> tuple[int, Why]:
    return next((n, why) for n, (role, why) in roles(headers, rows, **more).items() if role is Role.ADDRESS)


@pytest.mark.parametrize(
    "header",
    [
        "E-Mail",
        "email",
        "Email Address",
        "E-Mail-Adresse",
        "Adresse e-mail",
        "Courriel",
        "Mail",
        "ADRESSE ELECTRONIQUE",
    ],
)
def test_the_address_column_is_found_by_name(header: str) -> None:
    assert address(["Name", header], [["x", "ann@example.com"]]) == (1, Why.NAME)


def test_the_address_column_is_found_by_content() -> None:
    rows = [["Ann", "ann@example.com", "1"], ["Bo", "bo@example.com", "2"], ["Cy", "unknown", "3"]]
    assert address(["Who", "Where to", "N"], rows) == (1, Why.CONTENT)


def test_a_column_named_mail_that_holds_none_gives_way_to_the_one_that_does() -> None:
    rows = [["yes", "a@example.com"], ["no", "b@example.com"]]
    assert address(["Mail", "Kontakt"], rows) == (1, Why.CONTENT)


def test_the_surer_of_two_named_columns_is_taken() -> None:
    assert address(["Empfänger", "E-Mail"], [["x@example.com", "a@example.com"]]) == (1, Why.NAME)


def test_two_columns_of_addresses_without_a_name_are_asked_about() -> None:
    with pytest.raises(SpreadsheetError, match="“Contact”, “Manager”") as error:
        roles(["Contact", "Manager"], [["a@example.com", "b@example.com"]])
    assert error.value.remedy == "Say which one: --column email=Contact"


def test_which_of_two_it_was_last_time_is_not_asked_again() -> None:
    before = {1: Column(1, "Manager", "manager", role=Role.ADDRESS)}
    assert address(["Contact", "Manager"], [["a@example.com", "b@example.com"]], before=before) == (1, Why.LAST)


def test_no_addresses_names_the_headers_and_the_remedy() -> None:
    with pytest.raises(SpreadsheetError, match="The columns are “Name”, “City”") as error:
        roles(["Name", "City"], [["Ann", "Rome"]])
    assert "--column email=HEADER" in error.value.remedy


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (["First Name", "Last Name", "Email", "Language"], ["first_name", "last_name", "address", "language"]),
        (["Vorname", "NACHNAME", "E-Mail-Adresse", "Sprache"], ["first_name", "last_name", "address", "language"]),
        (["Prénom", "Nom", "Courriel", "Langue"], ["first_name", "last_name", "address", "language"]),
        (["prenom", "nom_de_famille", "adresse_mail", "LANGUE"], ["first_name", "last_name", "address", "language"]),
        (["Name", "Vorname", "Mail", "PLZ"], ["last_name", "first_name", "address", "postcode"]),
        (["Name", "Firma", "Mail", "Land"], ["full_name", "company", "address", "country"]),
        (["Phone", "Telefon", "Mail", "Civilité"], ["phone", None, "address", "salutation"]),
    ],
)
def test_headers_in_three_languages_say_what_a_column_is(headers: list[str], found: list[str | None]) -> None:
    told = roles(headers, [["a", "b", "c@example.com", "d"]])
    assert [told[place][0] if place in told else None for place in range(4)] == found


def test_names_are_known_by_the_addresses_that_are_made_of_them() -> None:
    assert roles(["A", "B", "C"], PEOPLE) == {
        0: (Role.FIRST_NAME, Why.CONTENT),
        1: (Role.LAST_NAME, Why.CONTENT),
        2: (Role.ADDRESS, Why.CONTENT),
    }


def test_one_lucky_row_makes_no_name() -> None:
    assert list(roles(["A", "B", "C"], [PEOPLE[0], ["x", "y", "ed.moss@example.com"]])) == [2]


@pytest.mark.parametrize(
    ("cells", "is_language"),
    [
        (["de", "en", "fr"], True),
        (["de-CH", "fr_CH", ""], True),
        (["de", "fr", "it"], False),  # countries as well
        (["DE", "GB"], False),
        (["en", "xq"], False),
        (["", ""], False),
    ],
)
def test_languages_are_known_by_their_codes(cells: list[str], is_language: bool) -> None:
    found = roles(["X", "Mail"], [[cell, "a@example.com"] for cell in cells])
    assert (found.get(0) == (Role.LANGUAGE, Why.CONTENT)) is is_language


def test_what_a_person_says_goes_before_names() -> None:
    found = roles(
        ["Vorname", "Rufname", "Sprache", "Mail"], [["a", "b", "de", "a@example.com"]], said={1: "first_name", 2: "x"}
    )
    assert found == {1: (Role.FIRST_NAME, Why.SAID), 3: (Role.ADDRESS, Why.NAME)}


def test_names_go_before_last_time_and_last_time_before_content() -> None:
    before = {0: Column(0, "Vorname", "vorname", role=Role.CITY), 1: Column(1, "B", "b", role=Role.COMPANY)}
    found = roles(["Vorname", "B", "C"], PEOPLE, before=before)
    assert found[0] == (Role.FIRST_NAME, Why.NAME)
    assert found[1] == (Role.COMPANY, Why.LAST)
