"""Spreadsheets that LibreOffice, openpyxl, xlsxwriter and xlwt wrote, compared with what LibreOffice shows."""

import json
from typing import Any

import pytest
from reading_sheets import Read, read_sheet

from tests.doubles.real_files import BINARY, FILES, OTHERWISE, differences

HEADERS = {
    "Name": "text", "E-Mail": "text", "PLZ": "text", "Geboren": "date", "Betrag": "number", "Dollar": "number",
    "Rabatt": "number", "Konto": "text", "Notiz": "text",
}  # fmt: skip


def read(name: str) -> Read:
    options: dict[str, Any] = {"worksheet": "Gäste"} if name.endswith(("x", "s")) else {}
    if name.endswith((".xlsx", ".ods")):
        options["hidden_rows"] = "read"
    return read_sheet(FILES / name, **options, encoding="cp1252" if "cp1252" in name else None)


@pytest.mark.parametrize("name", OTHERWISE)
def test_each_cell_is_read_as_libreoffice_shows_it(name: str) -> None:
    made = read(name)
    rows = [(row.row, json.loads(row.cells)) for row in made.rows]
    assert differences(name, [column.header for column in made.columns], rows) == OTHERWISE[name]
    kinds = {column.header: str(column.kind) for column in made.columns}
    if "Name" in kinds:
        assert {header: kinds[header] for header in HEADERS} == HEADERS


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_workbook_gives_texts_and_values(name: str) -> None:
    made = read(name)
    rows = [(row.row, json.loads(row.cells)) for row in made.rows]
    told = differences(name, [column.header for column in made.columns], rows)
    texts = {"Name", "E-Mail", "Notiz", "Vorname", "Stadt"}
    assert not {header for _, header in told} & texts
    assert made.findings["plain_values"]
    at = next(n for n, column in enumerate(made.columns) if column.header == "Geboren")
    years = {cells[at][1][:4] for _, cells in rows if cells[at]}
    assert years <= {"1988", "1990", "1900", "1975", "2000", "1904"}
