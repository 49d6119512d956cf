"""Files that LibreOffice, openpyxl and xlsxwriter wrote: read as LibreOffice shows them, and given back whole."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.doubles.command_line import CommandLine
from tests.doubles.folders import asked
from tests.doubles.real_files import FILES, OTHERWISE, differences

LETTER = "---\nsubject: Hallo\n---\n{{ vorname }} aus {{ stadt }}, {{ geboren }}\n\n[leave]({{ unsubscribe_url }})\n"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    here = CommandLine(tmp_path_factory.mktemp("workspace"))
    here.run("init")
    (here.folder / "templates" / "letter.md").write_text(LETTER, encoding="utf-8")
    for name in ("libreoffice.xlsx", "libreoffice.ods", "semicolon-cp1252.csv", "sheet-back-saved.xlsx"):
        shutil.copy(FILES / name, here.folder / name)
    shutil.copy(FILES / "libreoffice-1904.xlsx", here.folder / "guests.xlsx")
    return here


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("libreoffice.xlsx", ("--hidden-rows", "read")),
        ("libreoffice.ods", ("--hidden-rows", "read")),
        ("semicolon-cp1252.csv", ("--encoding", "cp1252")),
    ],
)
def test_people_find_in_the_list_what_libreoffice_shows(here: CommandLine, name: str, option: tuple[str, ...]) -> None:
    told = here.json("import", name, "--list", name.replace(".", " "), *option, status=None)
    cells = asked(
        here.folder / "mergecast.db",
        "SELECT row, cells FROM recipients WHERE sheet_id = (SELECT max(id) FROM sheets) ORDER BY row",
    )
    rows = [(int(str(row)), json.loads(str(line))) for row, line in cells]
    assert [row for row, _ in rows] == list(range(4, 12))
    assert differences(name, [column["header"] for column in told["columns"]], rows) == OTHERWISE[name]


def look(path: Path) -> dict[str, Any]:
    """What stands in the worksheet with the guests, besides what stands in its cells."""
    book = load_workbook(path)
    sheet = book["Gäste"]
    return {
        "comments": {cell.coordinate: cell.comment.text for row in sheet for cell in row if cell.comment},
        "formulas": [cell.coordinate for row in sheet for cell in row if cell.data_type == "f"],
        "validations": [str(one.sqref) for one in sheet.data_validations.dataValidation],
        "colours": sorted(str(one.sqref) for one in sheet.conditional_formatting),
        "merged": str(sheet.merged_cells),
        "names": list(book.defined_names),
        "widths": {letter: round(sheet.column_dimensions[letter].width) for letter in "AB"},
        "formats": [sheet.cell(row, place).number_format for row in range(4, 9) for place in range(1, 7)],
        "filter": sheet.auto_filter.ref,
    }


@pytest.mark.filterwarnings("ignore:.*extension is not supported.*:UserWarning")
def test_a_workbook_of_libreoffice_comes_back_whole_and_once_more_after_it_was_saved_there(here: CommandLine) -> None:
    here.run("import", "guests.xlsx", "--list", "guests", "--worksheet", "Gäste", status=1)
    here.run("create", "june", "--template", "letter", "--list", "guests")
    here.json("check", "june", "--sheet", "out.xlsx", status=1)
    before, after = look(here.folder / "guests.xlsx"), look(here.folder / "out.xlsx")
    same = ("formulas", "validations", "merged", "names", "widths", "formats")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert after["filter"] == "A3:K10"
    assert after["colours"] == ["A4:A10", "B4:B10", "E4:E8", "G4:G10"]
    assert after["comments"].pop("C5") == "She moves in May."
    assert sorted(after["comments"]) == ["A10", "A5", "A6", "B7", "I3"]
    assert {text.partition("\n")[0] for text in after["comments"].values()} == {"Mergecast:"}
    untouched(here.folder / "guests.xlsx", here.folder / "out.xlsx")
    says_once_what_holds_for_every_mail(here.folder / "out.xlsx")

    # LibreOffice forgets who wrote a comment and writes all else anew; ours are found again, and the row is the same.
    told = here.json("import", "sheet-back-saved.xlsx", "--list", "guests", "--worksheet", "Gäste", status=1)
    assert told["changes"] == {"new": 0, "changed": 0, "gone": 0}
    here.json("check", "june", "--sheet", "again.xlsx", status=1)
    again = look(here.folder / "again.xlsx")
    assert again["comments"].pop("C5") == "She moves in May."
    assert (again["comments"], again["colours"]) == (after["comments"], after["colours"])
    with zipfile.ZipFile(here.folder / "again.xlsx") as book:
        drawing = next(name for name in book.namelist() if name.endswith(".vml"))
        assert book.read(drawing).count(b"<x:Row>") == len(again["comments"]) + 1


def untouched(before: Path, after: Path) -> None:
    """Charts, pictures, tables and all other parts are the same bytes."""
    edited = {"xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml", "xl/comments1.xml"}
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(after) as new:
        assert old.namelist() == new.namelist()
        changed = {name for name in old.namelist() if old.read(name) != new.read(name)}
        assert {name for name in changed if not name.endswith(".vml")} == edited
        assert any("chart" in name for name in new.namelist())


def says_once_what_holds_for_every_mail(path: Path) -> None:
    sheet = load_workbook(path)["Gäste"]
    assert "no preheader" in sheet["I3"].comment.text
    assert "one-click" in sheet["I3"].comment.text
    assert [[sheet[f"{column}{row}"].value for column in "GHI"] for row in (4, 8)] == [
        ["will get mail", None, None]
    ] * 2
    assert sheet["H7"].value == "empty_field"
