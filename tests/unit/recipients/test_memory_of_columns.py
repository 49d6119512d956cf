"""The next month's export: what a person said holds again, and what the cells proved decides what they leave open."""

from campaigns.model.column import CellKind, Column, Role, Why
from campaigns.recipients.memory import same_columns


def col(read, field):  # type: ignore[no-untyped-def]
    return next(column for column in read.columns if column.field == field)


def whys(read):  # type: ignore[no-untyped-def]
    return {column.field: str(column.why) for column in read.columns}


MAY = "Kunde;Post;Menge\nAda;ada@example.com;3\nBo;bo@example.com;4\n"


def test_columns_are_the_same_by_their_headers_wherever_they_stand():
    before = [Column(0, "Name", "name"), Column(1, "E-Mail", "e_mail"), Column(2, "Name", "name_2")]
    now = same_columns(["e-mail", "NAME", "New", "Name"], before)
    assert {place: column.field for place, column in now.items()} == {0: "e_mail", 1: "name", 3: "name_2"}


def test_what_was_said_holds_again_and_again(read_csv):
    may = read_csv(MAY, columns={"email": "Post", "first_name": "Kunde"}, types={"Menge": CellKind.TEXT})
    assert whys(may) == {"first_name": "said", "email": "said", "menge": "said"}
    june = read_csv(MAY, before=may.columns)
    july = read_csv("Neu;" + MAY.replace("\nAda", "\n1;Ada").replace("\nBo", "\n2;Bo"), before=june.columns)
    for later in (june, july):
        assert {"first_name": "last", "email": "last", "menge": "last"}.items() <= whys(later).items()
        assert col(later, "menge").kind is CellKind.TEXT
        assert col(later, "first_name").role is Role.FIRST_NAME
        assert [row.address.folded for row in later.rows] == ["ada@example.com", "bo@example.com"]


def test_what_is_said_anew_goes_before_last_time(read_csv):
    may = read_csv(MAY, columns={"email": "Post", "customer": "Kunde"}, types={"Menge": CellKind.TEXT})
    sheet = MAY.replace("Kunde", "Chef").replace("Ada;", "x@example.com;").replace("Bo;", "y@example.com;")
    june = read_csv(sheet, before=may.columns, columns={"email": "Chef"}, types={"Menge": CellKind.NUMBER})
    assert [row.given for row in june.rows] == ["x@example.com", "y@example.com"]
    assert whys(june) == {"email": "said", "post": "content", "menge": "said"}
    assert col(june, "menge").kind is CellKind.NUMBER


def test_a_field_may_get_another_name(read_csv):
    may = read_csv(MAY, columns={"customer": "Kunde"})
    june = read_csv(MAY, before=may.columns, columns={"client": "Kunde"})
    july = read_csv(MAY, before=june.columns)
    assert [column.field for column in july.columns] == ["client", "post", "menge"]


def test_what_the_last_sheet_proved_decides_what_this_one_leaves_open(read_csv):
    may = read_csv("E-Mail;Sum;Day\na@example.com;1.234,50;13/04/2026\n")
    june = read_csv("E-Mail;Sum;Day\na@example.com;1.234;03/04/2026\n", before=may.columns)
    july = read_csv("E-Mail;Sum;Day\na@example.com;12;\n", before=june.columns)
    august = read_csv("E-Mail;Sum;Day\na@example.com;1.234;03/04/2026\n", before=july.columns)
    assert june.cells == [["a@example.com", ["1.234", 1234], ["03/04/2026", "2026-04-03"]]]
    assert june.findings == {}
    assert whys(june) == {"e_mail": "name", "sum": "last", "day": "last"}
    assert august.cells[0][1] == ["1.234", 1234]


def test_a_sheet_s_own_proof_goes_before_last_time(read_csv):
    may = read_csv("E-Mail;Sum\na@example.com;1.234,50\n")
    june = read_csv("E-Mail;Sum\na@example.com;1,234.50\nb@example.com;1.234\n", before=may.columns)
    assert [cells[1][1] for cells in june.cells] == [1234.5, 1.234]
    assert col(june, "sum").why is Why.CONTENT


def test_the_locale_decides_for_a_column_that_proved_nothing(read_csv):
    may = read_csv("E-Mail;Sum\na@example.com;1.234\n", locale="en_US")
    june = read_csv("E-Mail;Sum\na@example.com;1.234\n", locale="de_DE", before=may.columns)
    assert "open_number" in may.findings
    assert june.cells[0][1] == ["1.234", 1234]


def test_last_time_s_header_is_found_below_other_lines(read_csv):
    may = read_csv("Wer;Wohin\nAda;ada@example.com\n")
    june = "Stand;Juni\nWer;Wohin\nAda;ada@example.com\n"
    assert read_csv(june).sheet.header_row == 1
    assert read_csv(june, before=may.columns).sheet.header_row == 2


def test_a_header_that_is_gone_is_forgotten(read_csv):
    may = read_csv(MAY, columns={"customer": "Kunde"})
    june = read_csv("Post;Menge\na@example.com;1\n", before=may.columns)
    assert [column.field for column in june.columns] == ["post", "menge"]
