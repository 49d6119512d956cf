"""Which kind a column is found to be, through whole sheets."""

import pytest

from campaigns.errors import SpreadsheetError, UsageError
from campaigns.model.column import CellKind


def sheet_of(header: str, cells: list[str]) -> str:
    rows = "".join(f'p{n}@example.com\t"{cell}"\n' for n, cell in enumerate(cells))
    return f"E-Mail\t{header}\n{rows}"


@pytest.mark.parametrize(
    ("header", "cells", "kind"),
    [
        ("Amount", ["1", "20", "300"], "number"),
        ("Amount", ["1.234,50", "12", ""], "number"),
        ("Since", ["31.12.2026", "1.1.2027"], "date"),
        ("Since", ["2026-12-31", "2027-01-01 10:00"], "date"),
        ("VIP", ["yes", "No", ""], "yes_no"),
        ("VIP", ["TRUE", "TRUE"], "yes_no"),
        ("Aktiv", ["J", "N"], "yes_no"),
        ("Wing", ["N", "N"], "text"),
        ("Country", ["NO", "NO"], "text"),
        ("Country", ["NO", "SE"], "text"),
        ("Sprache", ["no", "no"], "text"),
        ("Pays", ["no", "no"], "text"),
        ("Code postal", ["75001", "75002"], "text"),
        ("Numéro de téléphone", ["555123456", "555123457"], "text"),
        ("Code", ["007", "123"], "text"),
        ("Postcode", ["10115", "80331"], "text"),
        ("PLZ", ["10115", "80331"], "text"),
        ("Phone", ["555 123 456", "555 123 457"], "text"),
        ("Call", ["+4930123456", "+4930123457"], "text"),
        ("Card", ["4111111111111111", "4111111111111112"], "text"),
        ("Opens", ["09:00", "10:30"], "text"),
        ("Name", ["Ann", "Bo"], "text"),
        ("Gift", ["", ""], "text"),
        ("Mixed", ["1", "2", "blue", "red"], "text"),
    ],
)
def test_the_kind_of_a_column_is_found_from_its_cells(read_csv, header, cells, kind):
    read = read_csv(sheet_of(header, cells))
    assert str(read.columns[1].kind) == kind


def test_a_typed_cell_keeps_what_was_typed_beside_its_value(read_csv):
    read = read_csv(sheet_of("Amount", ["1.234,50", " 7 ", "", "12 %"]))
    assert [cells[1] for cells in read.cells] == [["1.234,50", 1234.5], [" 7 ", 7], None, ["12 %", 0.12]]


def test_a_german_sheet_proves_its_own_decimal_sign_whatever_the_locale(read_csv):
    read = read_csv(sheet_of("Betrag", ["1.234", "5,50", "2.000"]), locale="en_US")
    assert [cells[1][1] for cells in read.cells] == [1234, 5.5, 2000]
    assert read.columns[1].locale == "de_DE"
    assert "open_number" not in read.findings


def test_another_column_of_the_sheet_proves_it_too(read_csv):
    read = read_csv("E-Mail;A;B\na@example.com;1.234;1,5\nb@example.com;2.000;2,5\n", locale="en_US")
    assert [cells[1][1] for cells in read.cells] == [1234, 2000]


@pytest.mark.parametrize(("locale", "value"), [("en_US", 1.234), ("de_DE", 1234)])
def test_the_locale_decides_a_number_that_the_sheet_leaves_open_and_says_so(read_csv, locale, value):
    read = read_csv(sheet_of("Amount", ["1.234", "2"]), locale=locale)
    assert read.cells[0][1] == ["1.234", value]
    assert f"read as {value}" in read.findings["open_number"].sentence


@pytest.mark.parametrize(("locale", "value"), [("en_US", "2026-01-02"), ("en_GB", "2026-02-01")])
def test_the_locale_decides_a_date_that_the_sheet_leaves_open_and_says_so(read_csv, locale, value):
    read = read_csv(sheet_of("Since", ["01/02/2026", "03/03/2026"]), locale=locale)
    assert read.cells[0][1] == ["01/02/2026", value]
    assert read.findings["open_date"].where == "column Since"


def test_one_date_past_the_twelfth_proves_the_order_of_all(read_csv):
    read = read_csv(sheet_of("Since", ["01/02/2026", "31/12/2026"]), locale="en_US")
    assert read.cells[0][1] == ["01/02/2026", "2026-02-01"]
    assert (read.columns[1].format, read.columns[1].locale) == ("dd/mm/yyyy", "en_GB")
    assert "open_date" not in read.findings


def test_dates_with_dots_put_the_day_first_in_every_locale(read_csv):
    read = read_csv(sheet_of("Since", ["01.02.2026", "03.04.2026"]), locale="en_US")
    assert read.cells[0][1] == ["01.02.2026", "2026-02-01"]
    assert (read.columns[1].format, read.columns[1].locale) == ("dd.mm.yyyy", "de_DE")
    assert read.findings == {}


def test_later_cells_that_do_not_fit_print_but_do_not_compute_and_are_counted(read_csv):
    read = read_csv(sheet_of("Amount", [str(n) for n in range(1200)] + ["tbd", "tbd", "many"]))
    assert read.cells[-1][1] == ["many", None]
    finding = read.findings["unreadable_number"]
    assert (finding.rows, finding.first_rows) == (3, (1202, 1203, 1204))
    assert "--type amount=text" in finding.remedy


@pytest.mark.parametrize("name", ["amount", "Amount"])
def test_the_person_may_say_the_kind_by_field_or_header(read_csv, name):
    read = read_csv(sheet_of("Amount", ["007", "x"]), types={name: CellKind.NUMBER})
    assert [cells[1] for cells in read.cells] == [["007", 7], ["x", None]]
    assert read_csv(sheet_of("Amount", ["1", "2"]), types={name: CellKind.TEXT}).cells[0][1] == "1"


def test_a_type_for_an_unknown_column_is_refused(read_csv):
    with pytest.raises(SpreadsheetError) as error:
        read_csv(sheet_of("Amount", ["1"]), types={"amont": CellKind.NUMBER})
    assert "Did you mean" in error.value.remedy


def test_an_unknown_type_is_refused(read_csv):
    with pytest.raises(UsageError, match="no kind of column"):
        read_csv(sheet_of("Amount", ["1"]), types={"amount": "money"})


def test_error_texts_that_came_along_are_blank_and_a_finding(read_csv):
    read = read_csv("E-Mail,Name,Amount\na@example.com,#N/A,1\nb@example.com,Bo,Err:502\nc@example.com,#hash,2\n")
    assert read.cells[0][1:] == [None, ["1", 1]]
    assert read.cells[1][1:] == ["Bo", None]
    assert read.cells[2][1] == "#hash"
    assert [column.empty for column in read.columns] == [0, 1, 1]
    assert read.findings["error_cell"].rows == 1


def test_a_memory_of_many_different_cells_is_bounded(read_csv):
    from campaigns.recipients import rows

    count = rows.KNOWN_CELLS * 2 + 10
    read = read_csv(sheet_of("Amount", [f"{n}.5" for n in range(count)]))
    assert read.cells[-1][1] == [f"{count - 1}.5", count - 0.5]
