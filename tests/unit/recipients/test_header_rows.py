import pytest

from campaigns.errors import SpreadsheetError, UsageError
from campaigns.model.states import RowVerdict


def test_title_lines_above_the_header_are_passed_over(read_csv):
    read = read_csv("Spring campaign,,\nas of May,,\n\nName,City,E-Mail\nAnn,Rome,ann@example.com\n")
    assert (read.sheet.header_row, read.rows[0].row) == (4, 5)
    assert [column.header for column in read.columns] == ["Name", "City", "E-Mail"]


def test_a_header_without_a_known_name_is_found_by_the_addresses_below_it(read_csv):
    read = read_csv("Guests of Ann\nWho,Where\nAnn,ann@example.com\nBo,bo@example.com\n")
    assert (read.sheet.header_row, read.sheet.address_place) == (2, 1)


def test_bad_first_rows_are_not_taken_for_the_header(read_csv):
    read = read_csv("Name,E-Mail\nAnn,unknown\nBo,\nCy,cy@example.com\n")
    assert read.sheet.header_row == 1
    assert [row.verdict for row in read.rows] == [RowVerdict.REJECTED, RowVerdict.REJECTED, RowVerdict.GOOD]


def test_a_row_below_addresses_is_never_the_header(read_csv):
    read = read_csv("Who,Where,How\nAnn,ann@example.com,Mail\nBo,unknown,Mail\nCy,cy@example.com,Phone\n")
    assert (read.sheet.header_row, len(read.rows)) == (1, 3)


def test_a_sheet_without_a_header_row_is_refused(read_csv):
    with pytest.raises(SpreadsheetError, match="no header row") as error:
        read_csv("Ann,ann@example.com\nBo,bo@example.com\n")
    assert error.value.where.row == 1


def test_a_header_alone_is_refused(read_csv):
    with pytest.raises(SpreadsheetError, match="but no rows"):
        read_csv("Name,E-Mail\n")


@pytest.mark.parametrize("content", ["", "\n\n", "   \n", "\ufeff"])
def test_an_empty_sheet_is_refused(read_csv, content):
    with pytest.raises(SpreadsheetError, match="is empty"):
        read_csv(content)


def test_rows_of_blank_cells_are_an_empty_sheet(read_csv):
    with pytest.raises(SpreadsheetError, match="is empty"):
        read_csv(",,,\n,,,\n")


def test_no_address_column_is_refused_with_the_headers(read_csv):
    with pytest.raises(SpreadsheetError, match="“Name”, “City”"):
        read_csv("Name,City\nAnn,Rome\n")


def test_the_person_may_name_the_address_column_and_its_field(read_csv):
    read = read_csv("Name,To,Cc\nAnn,a@example.com,b@example.com\n", columns={"email": "Cc"})
    assert read.rows[0].given == "b@example.com"
    assert [column.field for column in read.columns] == ["name", "to", "email"]


def test_the_person_may_name_any_field(read_csv):
    read = read_csv("Vorname,first name,E-Mail\nAnn,x,a@example.com\n", columns={"first_name": "Vorname"})
    assert [column.field for column in read.columns] == ["first_name", "first_name_2", "e_mail"]


def test_the_header_is_the_row_that_holds_what_the_person_named(read_csv):
    read = read_csv("List,2026,x\nWho,Where,How\nAnn,a@example.com,x\n", columns={"email": "Where"})
    assert read.sheet.header_row == 2


@pytest.mark.parametrize("field", ["First Name", "loop", "today", "1st", ""])
def test_a_field_that_templates_cannot_use_is_refused(read_csv, field):
    with pytest.raises(UsageError):
        read_csv("Name,E-Mail\nAnn,a@example.com\n", columns={field: "Name"})


def test_a_column_named_twice_is_refused(read_csv):
    with pytest.raises(UsageError, match="named twice"):
        read_csv("Name,E-Mail\nAnn,a@example.com\n", columns={"a": "Name", "b": "Name"})


def test_an_unknown_header_is_refused_with_the_nearest(read_csv):
    with pytest.raises(SpreadsheetError, match="no column “Emial”") as error:
        read_csv("Name,Email\nAnn,a@example.com\n", columns={"email": "Emial"})
    assert error.value.remedy == "Did you mean “Email”?"


def test_every_rejected_row_has_its_cell_and_a_reason(read_csv):
    read = read_csv("Name,E-Mail\nAnn,ann@\nBo,\nCy,cy@example.com\n")
    assert [(row.row, row.given, row.note) for row in read.rows[:2]] == [
        (2, "ann@", "“ann@” has nothing after the @."),
        (3, "", "The address cell is empty."),
    ]


def test_blank_cells_are_counted_by_column_also_in_rejected_rows(read_csv):
    read = read_csv("Name,City,E-Mail\nAnn,,ann@example.com\n,  ,bo@\nCy,,\n")
    assert [column.empty for column in read.columns] == [1, 3, 1]


def test_text_cells_keep_their_blanks_and_quotes(read_csv):
    read = read_csv('Name,E-Mail\n" Ann ""O\'Neil"" \t",ann@example.com\n')
    assert read.cells == [[' Ann "O\'Neil" \t', "ann@example.com"]]
