"""Which files may travel, and the guard against somebody else's file."""

import hashlib
from collections.abc import Sequence

import pytest

from campaigns.checks.attachments import Guard, check_file, check_weight, largest_file
from campaigns.message.attachment import Attachment, encoded_size
from campaigns.model.finding import Finding


def a_file(name: str, content: str = "", size: int | None = None) -> Attachment:
    return Attachment(name, hashlib.sha256((content or name).encode()).hexdigest(), len(name) if size is None else size)


def codes(found: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, str(finding.severity)) for finding in found]


@pytest.mark.parametrize("name", ["a.exe", "a.JS", "report.pdf.scr", "a.exe. ", "setup.msi", "a.lnk", "x.iso"])
def test_what_providers_refuse_is_refused(name: str) -> None:
    assert codes([*check_file(a_file(name), b"", personal=True, kinds=["smtp"])]) == [("dangerous_file", "leaves_out")]
    assert codes([*check_file(a_file(name), b"", personal=False, kinds=["smtp"])]) == [("dangerous_file", "stops")]


def test_a_program_by_another_name_is_refused() -> None:
    assert codes([*check_file(a_file("a.pdf"), b"MZ\x90", personal=False, kinds=["smtp"])]) == [
        ("dangerous_file", "stops")
    ]


@pytest.mark.parametrize("name", ["a.pdf", "a.exe.pdf", "js", "a.xlsx", "ö.zip", "a.b.c"])
def test_documents_pass(name: str) -> None:
    assert not [*check_file(a_file(name), b"%PDF", personal=True, kinds=["sendgrid"])]


def test_an_empty_file_warns_and_sendgrid_takes_none() -> None:
    empty = a_file("a.pdf", size=0)
    assert codes([*check_file(empty, b"", personal=True, kinds=["smtp"])]) == [("empty_file", "warns")]
    assert codes([*check_file(empty, b"", personal=True, kinds=["sendgrid"])]) == [("empty_file", "leaves_out")]
    assert codes([*check_file(empty, b"", personal=False, kinds=["sendgrid"])]) == [("empty_file", "stops")]


def test_a_name_that_sendgrid_does_not_take_is_said() -> None:
    assert codes([*check_file(a_file("a, b.pdf"), b"", personal=True, kinds=["sendgrid"])]) == [
        ("sendgrid_file_name", "warns")
    ]
    assert not [*check_file(a_file("a, b.pdf"), b"", personal=True, kinds=["maildir"])]


@pytest.mark.parametrize(
    ("transport", "most"), [("smtp", 25_000_000), ("maildir", 25_000_000), ("sendgrid", 30_000_000)]
)
def test_a_mail_weighs_no_more_than_its_transport_takes(transport: str, most: int) -> None:
    largest = a_file("a.zip", size=largest_file([transport]))
    assert most - 210_000 < encoded_size(largest.size) < most - 199_000
    below, above = a_file("a.zip", size=largest.size - 3_000), a_file("b.zip", size=10_000)
    assert codes([*check_weight([below], 0, personal=True, kinds=[transport])]) == [("heavy_mail", "warns")]
    assert codes([*check_weight([below, above], 0, personal=True, kinds=[transport])]) == [
        ("mail_too_large", "leaves_out")
    ]
    assert codes([*check_weight([below], 10_000, personal=False, kinds=[transport])]) == [("mail_too_large", "stops")]
    assert not [*check_weight([above], 0, personal=True, kinds=[transport])]


# -- the guard


def guarded(files: dict[int, list[str]], values: dict[int, list[str]]) -> dict[str, tuple[str, tuple[int, ...]]]:
    guard = Guard()
    for row, names in files.items():
        guard.add(row, [a_file(name) for name in names], person=row, any_own=bool(names))
    for row, mine in values.items():
        guard.look(row, mine)
    return {one.code: (str(one.severity), one.first_rows) for one in guard.findings()}


PEOPLE = {
    2: ["ada@example.org", "ada", "Ada", "Lovelace", "1017", "Bristol"],
    3: ["bao@example.net", "bao", "Bao", "Trần", "1018", "Leeds"],
    4: ["chloe@example.com", "chloe", "Chloé", "O'Neill", "1019", "Leeds"],
}


def test_the_same_personal_file_for_two_people_stops() -> None:
    assert guarded({2: ["x.pdf"], 3: ["y.pdf"], 4: ["x.pdf"]}, PEOPLE) == {"same_file": ("stops", (2, 4))}


def test_the_same_bytes_under_two_names_stop_as_well() -> None:
    guard = Guard()
    guard.add(2, [a_file("x.pdf", "same")], person=2, any_own=True)
    guard.add(3, [a_file("y.pdf", "same")], person=3, any_own=True)
    assert [one.code for one in guard.findings()] == ["same_file"]


def test_empty_files_disclose_nothing() -> None:
    guard = Guard()
    for row in (2, 3):
        guard.add(row, [a_file("x.pdf", size=0)], person=row, any_own=True)
    assert not [*guard.findings()]


def test_one_person_may_get_the_same_bytes_twice() -> None:
    guard = Guard()
    guard.add(2, [a_file("x.pdf", "same"), a_file("y.pdf", "same")], person=1, any_own=True)
    guard.add(3, [a_file("x.pdf", "same")], person=1, any_own=True)
    assert not [*guard.findings()]


@pytest.mark.parametrize(
    "name",
    [
        "1018.pdf", "invoice-1018.pdf", "Invoice_2026_1018.pdf", "bao.pdf", "BAO.pdf", "certificate Bao Trần.pdf",
        "tran.pdf", "bao@example.net.pdf", "report (bao@example.net).pdf", "letter-oneill.pdf", "o'neill.pdf", "chloe.pdf",
        "Chloé.pdf",
    ],
)  # fmt: skip
def test_a_name_that_points_to_another_row_stops(name: str) -> None:
    assert guarded({2: [name]}, {**PEOPLE, 4: [*PEOPLE[4], "oneill"]}) == {"others_file": ("stops", (2,))}


@pytest.mark.parametrize(
    "name",
    [
        "1017.pdf", "invoice-1017.pdf", "ada-1018.pdf", "lovelace, 1018.pdf", "leeds.pdf", "brochure.pdf", "a8f3c.pdf",
        "17.pdf", "10180.pdf", "baobab.pdf", "x1018.pdf", ".pdf",
    ],
)  # fmt: skip
def test_a_name_that_points_to_its_own_row_or_to_nobody_passes(name: str) -> None:
    assert guarded({2: [name]}, PEOPLE) == {}


def test_a_cell_that_is_the_whole_name_is_no_proof_that_the_file_is_its_rows() -> None:
    values = {2: [*PEOPLE[2], "invoice-bao"], 3: [*PEOPLE[3], "invoice-ada"]}
    assert guarded({2: ["invoice-bao.pdf"], 3: ["invoice-ada.pdf"]}, values) == {"others_file": ("stops", (2, 3))}


def test_a_row_without_a_file_where_others_have_one_warns() -> None:
    assert guarded({2: ["x.pdf"], 3: [], 4: []}, PEOPLE) == {"without_file": ("warns", (3, 4))}
    assert guarded({3: [], 4: []}, PEOPLE) == {}
