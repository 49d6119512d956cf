"""The sample sheets and templates, as somebody meets them first: everything fits together."""

import csv
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from campaigns.compose.job import RenderJob
from campaigns.compose.renderer import RenderedBatch, Renderer
from campaigns.compose.source import load_template
from campaigns.model.column import CellKind, Column
from campaigns.model.states import RowVerdict, Severity
from campaigns.recipients.sheet import ReadOptions, SheetRow, open_sheet

ROOT = Path(__file__).parents[2]
SHEETS = ROOT / "sample_data"
GERMAN = ReadOptions(
    encoding="cp1252",
    columns={
        "customer_no": "Kundennr.",
        "first_name": "Vorname",
        "city": "Ort",
        "language": "Sprache",
        "revenue": "Umsatz in €",
        "last_order": "Letzter Einkauf",
    },
)
SAMPLES = {
    "club_members.csv": (ReadOptions(), "invitation.md"),
    "guests.csv": (ReadOptions(), "invitation.md"),
    "webshop_export.csv": (ReadOptions(), "newsletter.mjml"),
    "kunden_cp1252.csv": (GERMAN, "newsletter.mjml"),
    "invoices.xlsx": (ReadOptions(), "invoice_reminder.html"),
}
FOUND = {
    "webshop_export.csv": ["mixed_direction"],  # an Arabic name begins an English subject
    "kunden_cp1252.csv": ["unreached_branch"]
    * 2,  # everybody has a first name, so nobody is a dear friend of the studio
}


@dataclass
class Imported:
    rows: list[SheetRow]
    columns: tuple[Column, ...]
    codes: list[str]

    @property
    def good(self) -> list[SheetRow]:
        return [row for row in self.rows if row.verdict is RowVerdict.GOOD]

    def kind(self, field: str) -> CellKind:
        return next(column.kind for column in self.columns if column.field == field)


def imported(name: str) -> Imported:
    with open_sheet(SHEETS / name, SAMPLES[name][0]) as sheet:
        rows = list(sheet.rows())
        return Imported(rows, tuple(sheet.final_columns()), [finding.code for finding in sheet.findings()])


def rendered(name: str, root: Path = ROOT, template: str = "") -> RenderedBatch:
    sheet = imported(name)
    source = load_template(root, template or SAMPLES[name][1])
    job = RenderJob(
        source,
        sheet.columns,
        "en_US",
        date(2026, 12, 1),
        "sample",
        bulk=source.front_matter.text("kind") == "bulk",
        has_public_url=False,
        workspace_root=root,
    )
    with Renderer(job) as renderer:
        assert [one for one in renderer.inspection.findings if one.severity is not Severity.WARNS] == []
        batch = renderer.render([(row.row, row.cells) for row in sheet.good])
        batch.findings += renderer.conclude()
        return batch


@pytest.mark.parametrize("name", SAMPLES)
def test_every_good_row_of_a_sample_becomes_a_mail_without_a_finding(name: str) -> None:
    batch = rendered(name)
    assert [row.problem for row in batch.rows if row.problem] == []
    assert [one.code for one in batch.findings] == FOUND.get(name, [])
    assert len(batch.rows) == len(imported(name).good)


def test_the_other_layout_fits_the_newsletter(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    path = tmp_path / "templates" / "newsletter.mjml"
    path.write_text(path.read_text().replace("layout: magazine", "layout: letter"))
    batch = rendered("webshop_export.csv", tmp_path)
    assert [row.problem for row in batch.rows if row.problem] == []
    assert [one.code for one in batch.findings] == FOUND["webshop_export.csv"]


def test_the_samples_are_large_enough() -> None:
    assert sum(len(imported(name).rows) for name in SAMPLES) >= 150


def test_the_clean_list_is_clean() -> None:
    sheet = imported("club_members.csv")
    assert len(sheet.good) == len(sheet.rows) == 60
    assert sheet.codes == []
    assert sheet.kind("member_no") is CellKind.TEXT
    assert sheet.kind("member_since") is CellKind.DATE


def test_the_web_shops_export_is_messy_in_the_usual_ways() -> None:
    raw = (SHEETS / "webshop_export.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert b";" in raw.splitlines()[0]
    sheet = imported("webshop_export.csv")
    notes = " ".join(row.note for row in sheet.rows)
    for reason in (
        "more than one @",
        "no @",
        "empty",
        "a blank inside",
        "two dots",
        "mailto:",
        "more than one address",
    ):
        assert reason in notes
    folded = [row.address.folded for row in sheet.good if row.address]
    assert len(folded) - len(set(folded)) == 2  # doubled addresses
    assert sheet.kind("revenue") is CellKind.NUMBER
    assert sheet.kind("last_order") is CellKind.DATE
    assert sheet.kind("customer_no") is CellKind.TEXT  # leading zeros


def test_the_german_list_is_no_utf_8() -> None:
    with pytest.raises(UnicodeDecodeError):
        (SHEETS / "kunden_cp1252.csv").read_text(encoding="utf-8")
    assert len(imported("kunden_cp1252.csv").rows) == 30


def test_the_workbook_reads_as_excel_shows_it() -> None:
    sheet = imported("invoices.xlsx")
    fields = [column.field for column in sheet.columns]
    first = dict(zip(fields, json.loads(sheet.rows[0].cells), strict=True))
    assert sheet.rows[0].row == 4  # a title stands above the header
    assert first["postcode"] == "10115"
    assert first["invoice_date"] == ["31.10.2026", "2026-10-31"]
    assert first["total"] == ["260.61 €", 260.61]
    assert first["vat"] == ["19 %", 0.19]
    assert {'"00123"', '"00950"'} <= {part for row in sheet.rows for part in row.cells.split(",")}
    assert sheet.codes == ["error_cell"]


def test_everybody_in_the_samples_lives_at_an_example_domain() -> None:
    for name in SAMPLES:
        for row in imported(name).good:
            assert row.address is not None
            assert row.address.domain.split(".")[-2] == "example", row.given


def test_the_large_list_is_made_alike_every_time(tmp_path: Path) -> None:
    made = []
    for name in ("one.csv", "two.csv"):
        path = tmp_path / name
        script = str(SHEETS / "make_large.py")
        subprocess.run([sys.executable, script, "1000", str(path)], check=True, capture_output=True)
        made.append(path.read_text(encoding="utf-8"))
    assert made[0] == made[1]
    assert len(list(csv.reader(io.StringIO(made[0])))) == 1001
