import codecs
import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import SpreadsheetError, UsageError
from campaigns.model.states import RowVerdict
from campaigns.recipients.csv_file import find_delimiter

TWO = "Name,E-Mail\nAnn,ann@example.com\nBo,bo@example.org\n"


def test_a_plain_sheet_gives_its_rows_with_the_numbers_a_spreadsheet_shows(read_csv):
    read = read_csv(TWO)
    assert [(row.row, row.given, row.verdict) for row in read.rows] == [
        (2, "ann@example.com", RowVerdict.GOOD),
        (3, "bo@example.org", RowVerdict.GOOD),
    ]
    assert read.cells == [["Ann", "ann@example.com"], ["Bo", "bo@example.org"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(read_csv, delimiter):
    assert read_csv(TWO.replace(",", delimiter)).sheet.delimiter == delimiter


def test_decimal_commas_do_not_make_the_comma_a_delimiter(read_csv):
    read = read_csv("Name;E-Mail;Betrag;Rabatt\nAnn;ann@example.com;1,5;2,5\nBo;bo@example.com;3,5;4,25\n")
    assert read.sheet.delimiter == ";"
    assert read.kinds["betrag"] == "number"


def test_a_file_of_one_column_has_no_delimiter_to_find(read_csv):
    read = read_csv("E-Mail\nann@example.com\nbo@example.com\n")
    assert [row.given for row in read.rows] == ["ann@example.com", "bo@example.com"]


def test_the_line_sep_that_excel_obeys_is_obeyed_and_not_counted(read_csv):
    read = read_csv("sep=|\r\nName|E-Mail\r\nAnn|ann@example.com\r\n")
    assert (read.sheet.delimiter, read.sheet.header_row, read.rows[0].row) == ("|", 1, 2)


def test_doubled_quotes_stay_whole_when_the_first_rows_have_none(read_csv):
    read = read_csv('Name,E-Mail\nAnn,ann@example.com\n"Bob ""The Cat"" Ray",bob@example.com\n')
    assert read.cells[1][0] == 'Bob "The Cat" Ray'


def test_a_line_break_in_quotes_begins_no_new_row(read_csv):
    read = read_csv('Name,E-Mail\n"Ann\nSmith",ann@example.com\nBo,bo@example.com\n')
    assert [row.row for row in read.rows] == [2, 3]


def test_blank_rows_are_no_rows_but_count_in_the_numbers(read_csv):
    read = read_csv("Name,E-Mail\nAnn,ann@example.com\n\n , \nBo,bo@example.com\n")
    assert [row.row for row in read.rows] == [2, 5]


@pytest.mark.parametrize(
    ("bom", "encoding", "named"),
    [
        (b"", "utf-8", "utf-8"),
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (b"", "utf-16-le", "utf-16-le"),
        (b"", "utf-16-be", "utf-16-be"),
    ],
)
def test_unicode_is_read_and_a_bom_is_no_part_of_the_first_header(read_csv, bom, encoding, named):
    read = read_csv(bom + "Größe,E-Mail\nЖанна,ann@example.com\n".encode(encoding))
    assert read.columns[0].header == "Größe"
    assert read.cells[0][0] == "Жанна"
    assert read.sheet.encoding == named


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1252", ["Müller", "Zoë", "Weiß"]),
        ("cp1250", ["Łukasz Wójcik", "Jiří Dvořák", "Żaneta"]),
        ("cp1251", ["Иванов", "Жанна", "Пётр"]),
        ("mac_roman", ["Müller", "Zoë", "Böhm"]),
        ("cp850", ["Müller", "Böhm", "Jürgen"]),
        ("cp1253", ["Γιώργος", "Ελένη", "Νίκος"]),
        ("shift_jis", ["さくら", "たろう", "ひかり"]),
    ],
)
def test_other_encodings_are_asked_for_with_a_guess_and_three_cells_as_they_would_read(read_csv, encoding, names):
    content = "Name,E-Mail\n" + "".join(f"{name},p{n}@example.com\n" for n, name in enumerate(names))
    with pytest.raises(SpreadsheetError) as error:
        read_csv(content.encode(encoding))
    assert f"--encoding {encoding}" in error.value.remedy
    assert all(f"“{name}”" in error.value.remedy for name in names)
    assert [cells[0] for cells in read_csv(content.encode(encoding), encoding=encoding).cells] == names


def test_bytes_that_are_no_utf8_are_found_past_the_first_thousand_rows(read_csv):
    rows = "".join(f"P{n},p{n}@example.com\n" for n in range(60_000))
    with pytest.raises(SpreadsheetError, match="neither UTF-8 nor UTF-16"):
        read_csv(f"Name,E-Mail\n{rows}".encode() + "Zoë,z@example.com\n".encode("latin-1"))


def test_a_wrong_encoding_of_the_person_is_refused(read_csv):
    with pytest.raises(SpreadsheetError, match="not written in utf-8"):
        read_csv("Name,E-Mail\nZoë,z@example.com\n".encode("cp1252"), encoding="utf-8")


@pytest.mark.parametrize("encoding", ["klingon", "base64", "zip"])
def test_an_unknown_encoding_is_refused(read_csv, encoding):
    with pytest.raises(UsageError, match="is no encoding"):
        read_csv(TWO, encoding=encoding)


def test_nul_characters_are_no_text(read_csv):
    with pytest.raises(SpreadsheetError, match="NUL") as error:
        read_csv("Name,E-Mail\nAnn,ann@example.com\nB\0o,bo@example.com\n")
    assert error.value.where.line == 3


def test_a_quote_that_is_never_closed_names_its_row(read_csv):
    with pytest.raises(SpreadsheetError, match="never closed") as error:
        read_csv('Name,E-Mail\nAnn,ann@example.com\n"Bo,bo@example.com\nCy,cy@example.com\n')
    assert error.value.where.row == 3


def test_an_unclosed_quote_before_much_text_names_its_row_too(read_csv):
    with pytest.raises(SpreadsheetError, match="longer than") as error:
        read_csv('Name,E-Mail\n"Bo,bo@example.com\n' + "Cy,cy@example.com\n" * 20_000)
    assert error.value.where.row == 2
    assert "quote" in error.value.remedy


def test_text_after_a_closing_quote_names_its_row(read_csv):
    with pytest.raises(SpreadsheetError, match="closing quote") as error:
        read_csv('Name,E-Mail\n"Ann" Lee,ann@example.com\n')
    assert error.value.where.row == 2


def test_a_cell_longer_than_a_spreadsheet_holds_is_refused_with_its_place(read_csv):
    with pytest.raises(SpreadsheetError, match="40,000 characters") as error:
        read_csv(f"Name,E-Mail\n{'x' * 40_000},ann@example.com\n")
    assert (error.value.where.row, error.value.where.column) == (2, "Name")
    assert error.value.where.file == "people.csv"


def test_the_longest_cell_that_excel_has_is_read(read_csv):
    assert len(read_csv(f"Name,E-Mail\n{'x' * 32_767},ann@example.com\n").cells[0][0]) == 32_767


def test_more_columns_than_a_spreadsheet_has_are_refused(read_csv):
    with pytest.raises(SpreadsheetError, match="20,000 cells"):
        read_csv("a," * 19_999 + "b\n")


def test_a_row_with_more_cells_than_the_header_is_rejected_because_its_cells_may_have_shifted(read_csv):
    read = read_csv("E-Mail,City,Gift\nann@example.com,Paris, Texas,mug\nbo@example.com,Rome,,\n")
    assert [row.verdict for row in read.rows] == [RowVerdict.REJECTED, RowVerdict.GOOD]
    assert read.rows[0].note.startswith("The row has 4 cells, but the header has 3")


def test_a_shorter_row_ends_in_blanks(read_csv):
    read = read_csv("E-Mail,City,Gift\nann@example.com\n")
    assert read.cells == [["ann@example.com", None, None]]
    assert [column.empty for column in read.columns] == [0, 1, 1]


def test_progress_ends_at_the_whole(read_csv):
    done, total = read_csv(TWO).sheet.progress()
    assert done == total == len(TWO)


def test_the_hash_is_of_the_files_bytes(read_csv):
    import hashlib

    assert read_csv(TWO).sheet.sha256 == hashlib.sha256(TWO.encode()).hexdigest()


def test_line_ends_of_old_macs_are_read(read_csv):
    assert len(read_csv(TWO.replace("\n", "\r")).rows) == 2


PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=8)


@settings(deadline=None)
@given(
    st.lists(st.tuples(PLAIN, PLAIN), min_size=3, max_size=8),
    st.sampled_from([",", ";", "\t"]),
)
def test_the_delimiter_that_wrote_a_sheet_with_addresses_is_found(pairs, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["First", "Mail", "Last"])
    writer.writerows([a, f"p{n}@example.com", b] for n, (a, b) in enumerate(pairs))
    assert find_delimiter(text.getvalue()) == delimiter
