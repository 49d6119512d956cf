"""CSV as the programs write it that lists come from, each with its own habits; the people in them are invented."""

import pytest

from campaigns.errors import SpreadsheetError
from campaigns.recipients.sheet import HiddenRows

EXCEL = 'Name{0}E-Mail{0}Betrag\r\nZoë{0}zoe@example.com{0}"1.234,50"\r\n"a ""q"" b"{0}bo@example.com{0}7\r\n'
MAILCHIMP = (
    '"Email Address","First Name",Address,MEMBER_RATING,OPTIN_TIME,LEID,TAGS\n'
    'ann@example.com,Ann,"1 High St  Leeds  LS1 1AA  GB",2,"2026-05-01 10:00:00",123456,"""Customer"",""VIP"""\n'
)
HUBSPOT = (
    "Record ID,First Name,Email,Phone Number,Contact owner,Create Date (GMT+1)\n"
    "12345678901,Ann,ann@example.com,+44 20 7946 0000,Sam Hill (sam@example.org),2026-01-05 12:30\n"
)
SHOPIFY = (
    "Customer ID,First Name,Email,Accepts Email Marketing,Default Address Zip,Phone,Total Spent,Tags\n"
    "'8123456789013,Bo,bo@example.com,yes,'01067,'+442079460000,129.90,\"vip, spring\"\n"
)
SALESFORCE = (
    '"First Name","Email","Created Date"\n"Ann","ann@example.com","11/25/2026"\n\n\n"Contacts for spring"\n'
    '"Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."\n'
)
GOOGLE_CONTACTS = (
    "First Name,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value\n"
    "Ann,* myContacts,* Work,ann@example.com,ann@example.org\n"
    "Bo,* myContacts,* ,bo@example.com ::: bo@example.org,\n"
)


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        (EXCEL.format("\t").encode("utf-16"), "\t"),  # Unicode text
        (EXCEL.format(";").encode("utf-8-sig"), ";"),  # CSV UTF-8
        (EXCEL.format(";").replace("\r\n", "\r").encode(), ";"),  # CSV (Macintosh)
        (b"sep=;\r\n" + EXCEL.format(";").encode(), ";"),
        (b"sep=;\r" + EXCEL.format(";").replace("\r\n", "\r").encode(), ";"),
        (("sep=;\r\n" + EXCEL.format(";")).encode("utf-16"), ";"),
        (("SEP=\t\r\n" + EXCEL.format("\t")).encode("utf-8-sig"), "\t"),
        (EXCEL.format(";").replace("\r\n", "\n").encode(), ";"),  # LibreOffice
    ],
)
def test_what_excel_and_libreoffice_write_is_read(read_csv, content, delimiter):
    read = read_csv(content)
    assert (read.sheet.delimiter, read.sheet.header_row, [row.row for row in read.rows]) == (delimiter, 1, [2, 3])
    assert read.cells == [["Zoë", "zoe@example.com", ["1.234,50", 1234.5]], ['a "q" b', "bo@example.com", ["7", 7]]]


def test_mailchimp(read_csv):
    read = read_csv(MAILCHIMP)
    assert read.cells[0][0] == "ann@example.com"
    assert read.cells[0][-1] == '"Customer","VIP"'
    assert read.kinds["optin_time"] == "date"


def test_hubspot_has_its_addresses_in_email_and_not_in_the_owner(read_csv):
    read = read_csv(HUBSPOT)
    assert read.rows[0].given == "ann@example.com"
    assert read.cells[0][3] == "+44 20 7946 0000"


def test_shopify_keeps_what_its_apostrophes_protect(read_csv):
    read = read_csv(SHOPIFY)
    assert read.cells[0] == ["'8123456789013", "Bo", "bo@example.com", ["yes", True], "'01067", "'+442079460000", ["129.90", 129.9], "vip, spring"]  # fmt: skip


def test_the_lines_below_a_salesforce_report_are_left_out_with_their_numbers(read_csv):
    read = read_csv(SALESFORCE)
    assert [(row.row, row.note) for row in read.rows] == [
        (2, ""),
        (5, "The address cell is empty."),
        (6, "The address cell is empty."),
    ]


def test_google_contacts_joins_several_addresses_and_they_are_not_guessed_apart(read_csv):
    read = read_csv(GOOGLE_CONTACTS)
    assert read.columns[read.sheet.address_place].header == "E-mail 1 - Value"
    assert read.rows[1].note.endswith(
        "holds more than one address: copy the row for each of them, and leave one in each cell."
    )


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ('"Ann" <ann@example.com>', "ann@example.com"),
        ('"Lee, Ann" <ann@example.com>', "ann@example.com"),
        ("Ann Lee <ann@example.com>", "ann@example.com"),
        ("Lee, Ann <Ann@example.com>;", "Ann@example.com"),
        ("<ann@example.com>", "ann@example.com"),
        ('"ann@example.com" <ann@example.com>', "ann@example.com"),
        ("'Ann' <mailto:ann@example.com>", "ann@example.com"),
    ],
)
def test_a_name_beside_the_address_is_read_past_and_told(read_csv, cell, address):
    quoted = cell.replace('"', '""')
    read = read_csv(f'Name,Contact\nAnn,"{quoted}"\n')
    assert read.rows[0].address.wire == address
    assert read.rows[0].given == cell
    assert read.findings["name_beside_address"].first_rows == (2,)


@pytest.mark.parametrize(
    "cell",
    [
        "ann@example.com; bo@example.com",
        "ann@example.com/bo@example.com",
        "ann@example.com\nbo@example.com",
        "ann@example.com and bo@example.com",
        "Ann <ann@example.com>, Bo <bo@example.com>",
        "Bo; Ann <ann@example.com>, bo@example.com",
    ],
)
def test_several_addresses_in_a_cell_leave_the_row_out_and_say_how_to_split_them(read_csv, cell):
    read = read_csv(f'Name,E-Mail\nAnn,"{cell}"\nCy,cy@example.com\n')
    assert read.rows[0].address is None
    assert read.rows[0].note.endswith("copy the row for each of them, and leave one in each cell.")


def test_one_name_of_several_is_no_name_beside_an_address(read_csv):
    assert read_csv("Name,E-Mail\nAnn,Bo; Ann <ann@example.com>\nCy,cy@example.com\n").rows[0].address is None


@pytest.mark.parametrize("answer", list(HiddenRows))
def test_a_text_file_has_no_hidden_rows(read_csv, answer):
    with pytest.raises(SpreadsheetError, match="has no hidden rows"):
        read_csv("E-Mail\nann@example.com\n", hidden_rows=answer)
