"""Makes the spreadsheets of this folder with the programs and libraries that people make theirs with.

    .venv/bin/python tests/files/make_files.py

LibreOffice is needed (`soffice`); the tests only read what was made. `shown/` holds what LibreOffice shows in each cell of
the list, as its own CSV, so that an import is compared with another program's eyes. All people are invented.
"""

# ruff: noqa: DTZ001 - a spreadsheet's dates have no zone

import datetime as dt
import importlib.metadata
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter
import xlwt
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.worksheet.worksheet import Worksheet

HERE = Path(__file__).parent
TITLE, HEADER_ROW = "Gäste & Freunde 2026", 3
EURO, DOLLAR = "#,##0.00\\ [$€-407]", "[$$-409]#,##0.00;[RED]-[$$-409]#,##0.00"

# Header, number format, one value a guest. A value may bring a format of its own.
GUESTS: dict[str, tuple[str, list[Any]]] = {
    "Name ": ("General", ["Zoë Müller", "Bo O’Neill", "Łukasz Żak", "Dee", "Εύα", "Fay, the 2nd", 'Gus "G"', "Hal"]),
    "E-Mail": ("@", [f"{name}@example.org" for name in "zoe bo lukasz dee eva fay gus hal".split()]),  # noqa: SIM905
    "PLZ": ("@", ["00123", "01067", (1067, "00000"), "80331", "K1A 0B1", "00000", "9021", ""]),
    "Geboren": (
        "DD.MM.YYYY",
        [dt.date(1990, 2, 28), dt.date(2000, 2, 29), dt.date(1900, 3, 1), dt.date(1975, 12, 31), None,
         (dt.date(1988, 1, 2), "m/d/yyyy"), (dt.date(1988, 1, 2), "[$-407]d. mmmm yyyy"), (dt.date(1988, 1, 2), "yyyy-mm-dd")],
    ),
    "Termin": (
        "yyyy-mm-dd hh:mm",
        [dt.datetime(2026, 12, 1, 9, 5), dt.datetime(2026, 12, 1, 23, 59, 59), dt.datetime(2026, 1, 1), None,
         (dt.datetime(2026, 7, 4, 17, 30), "dd/mm/yy h:mm AM/PM"), (dt.datetime(2026, 7, 4, 17, 30), "ddd d mmm"),
         (dt.datetime(2026, 7, 4, 17, 30), "[$-40C]dddd d mmmm"), (dt.datetime(2026, 7, 4, 17, 30, 9), "hh:mm:ss")],
    ),
    "Betrag": (EURO, [1234.5, 0, -1.005, 0.1, 1e6, 99.995, 12, None]),
    "Dollar": (DOLLAR, [1234.5, 0, -1.005, 0.1, 1e6, 99.995, 12, None]),
    "Rabatt": ("0.0%", [0.125, 0, 1, -0.05, (0.19, "0%"), (0.195, "0%"), 0.3333, None]),
    "Konto": (
        "General",
        ["1234567890123456789", 12345678901, (123456789012345, "0"), 123456789012, 1234567890123456789,
         (4917012345678, "0"), "DE02 1203 0000 0000 2020 51", "+49 30 1234"],
    ),
    "Summe": ("General", ["=F{row}*2", "=F{row}+1", '=A{row}&" x"', '=IF(F{row}>0,"ja","nein")', "=TODAY()-TODAY()",
                          '=HYPERLINK("https://example.org/a","hier")', '=""', "=H{row}"]),
    "Status": ("General", ["ok", "=1/0", "=NA()", "#N/A", '=VALUE("x")', "TRUE", True, False]),
    "Dauer": (
        "h:mm",
        [dt.time(9, 30), dt.time(0, 0), (1.5, "[h]:mm"), (0.75, "h:mm AM/PM"), (0.5, "mm:ss"), (61 / 86400, "[mm]:ss"),
         None, None],
    ),
    "Notiz": ("General", ["two\nlines", " blanks ", "tab\there", "=not", "'quoted", "_x0041_", "é́\u200b", "<b>&amp;</b>"]),
    "Frei": ("General", [0.1 + 0.2, 1e21, 1 / 3, 1e-7, -0.5, 12345.678901234, 100, 0]),
    "Form": (
        "General",
        [(1.75, "# ?/?"), (12345, "0.00E+00"), (-1234, "#,##0;(#,##0)"), (7, '"Nr. "0'), (123456789, "000-00-0000"),
         (1234567, "0.0,,\\ \"M\""), (0, "#,##0;-#,##0;\"-\""), ("Text", '"<"@">"')],
    ),
}  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        office = Office(Path(folder))
        openpyxl_book(HERE / "openpyxl.xlsx")
        office.convert(HERE / "openpyxl.xlsx", "xlsx", HERE / "libreoffice.xlsx")
        office.convert(HERE / "openpyxl.xlsx", "ods", HERE / "libreoffice.ods")
        office.convert(HERE / "openpyxl.xlsx", "xls", HERE / "libreoffice.xls")
        xlsxwriter_book(HERE / "xlsxwriter.xlsx")
        office.convert(HERE / "xlsxwriter.xlsx", "xlsx", HERE / "libreoffice-1904.xlsx")
        office.convert(HERE / "xlsxwriter.xlsx", "ods", HERE / "libreoffice-1904.ods")
        office.convert(HERE / "xlsxwriter.xlsx", "xls", HERE / "libreoffice-1904.xls")
        xlwt_book(HERE / "xlwt.xls")
        for name, separator, charset in (
            ("semicolon-cp1252.csv", ";", 1),
            ("tab-utf8.tsv", "\t", 76),
            ("comma-utf16.csv", ",", 65535),
            ("semicolon-utf8.csv", ";", 76),
        ):
            office.text(HERE / "openpyxl.xlsx", HERE / name, separator, charset)
        utf8 = HERE / "semicolon-utf8.csv"  # this version writes no BOM, which newer ones and Excel do
        utf8.rename(HERE / "semicolon-utf8-bom.csv").write_bytes(
            b"\xef\xbb\xbf" + (HERE / "semicolon-utf8-bom.csv").read_bytes()
        )
        (HERE / "shown").mkdir(exist_ok=True)
        for book in sorted({*HERE.glob("*.xls*"), *HERE.glob("*.ods")} - {HERE / "sheet-back-saved.xlsx"}):
            office.text(book, HERE / "shown" / f"{book.name}.csv", ",", 76)
        sheet_back(Path(folder) / "out.xlsx")
        office.convert(Path(folder) / "out.xlsx", "xlsx", HERE / "sheet-back-saved.xlsx")
        said = subprocess.run([office.program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    openpyxl_is, xlsxwriter_is, xlwt_is = map(importlib.metadata.version, ("openpyxl", "xlsxwriter", "xlwt"))
    (HERE / "versions.txt").write_text(
        f"libreoffice*, sheet-back-saved.xlsx, *.csv, *.tsv and shown/: {said}\n"
        f"openpyxl.xlsx: openpyxl {openpyxl_is}; xlsxwriter.xlsx: xlsxwriter {xlsxwriter_is}; xlwt.xls: xlwt {xlwt_is}\n",
        encoding="utf-8",
    )


class Office:
    """LibreOffice without a window, with a profile of its own."""

    def __init__(self, folder: Path) -> None:
        self.program = shutil.which("soffice") or "libreoffice"
        self._folder = folder

    def convert(self, source: Path, form: str, target: Path) -> None:
        """Open a file, and save it as another kind."""
        out = self._folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        profile = f"-env:UserInstallation=file://{self._folder}/profile"
        line = [self.program, profile, "--headless", "--convert-to", form, "--outdir", str(out), str(source)]
        subprocess.run(line, check=True, capture_output=True, timeout=120)
        written = sorted(out.iterdir())
        wanted = [path for path in written if "Gäste" in path.name] or written
        shutil.copyfile(wanted[0], target)

    def text(self, source: Path, target: Path, separator: str, charset: int) -> None:
        """All worksheets as they are shown, of which the one with the guests is kept."""
        tokens = f"{ord(separator)},34,{charset},1,,1033,false,true,true,false,false,-1"
        self.convert(source, f"csv:Text - txt - csv (StarCalc):{tokens}", target)


def openpyxl_book(path: Path) -> None:
    """A merged title, three worksheets (one of them hidden), a hidden and a filtered row, links, rich text, formulas."""
    book = openpyxl.Workbook()
    notes = book.active
    assert isinstance(notes, Worksheet)
    notes.title = "Notizen"
    notes["A1"] = "Who comes, and who does not"
    sheet = book.create_sheet("Gäste")
    sheet.merge_cells("A1:E1")
    sheet["A1"] = TITLE
    for place, (header, (code, values)) in enumerate(GUESTS.items(), 1):
        sheet.cell(HEADER_ROW, place, header)
        for row, value in enumerate(values, HEADER_ROW + 1):
            value, own = value if isinstance(value, tuple) else (value, code)
            cell = sheet.cell(row, place)
            if isinstance(value, str) and value.startswith("=") and header == "Summe":
                value = value.format(row=row)
            cell.value = value
            if header == "Notiz" or value in ("#N/A", "TRUE"):
                cell.data_type = "s"
            cell.number_format = own
    sheet["A4"] = CellRichText("Zoë ", TextBlock(InlineFont(b=True), "Müller"))
    sheet["B5"].hyperlink = "mailto:bo@example.org"
    sheet["B6"].hyperlink = "mailto:lukasz@example.org?subject=Hi"
    sheet["B6"].value = "Łukasz schreiben"
    sheet.auto_filter.ref = f"A{HEADER_ROW}:O11"
    sheet.row_dimensions[8].hidden = True
    sheet.auto_filter.add_filter_column(0, [name for name in GUESTS["Name "][1] if name != "Fay, the 2nd"])
    sheet.row_dimensions[9].hidden = True
    hidden = book.create_sheet("Alt")
    hidden.append(["E-Mail"])
    hidden.append(["old@example.org"])
    hidden.sheet_state = "hidden"
    book.save(path)


def xlsxwriter_book(path: Path) -> None:
    """1904 dates, and all that a sheet which is given back must keep."""
    with xlsxwriter.Workbook(path, {"date_1904": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("Gäste")
        head = book.add_format({"bold": True, "bg_color": "#336699", "font_color": "white", "border": 1})
        day, money = (
            book.add_format({"num_format": "dd.mm.yyyy"}),
            book.add_format({"num_format": EURO, "italic": True}),
        )
        sheet.merge_range("A1:F1", TITLE, book.add_format({"bold": True, "font_size": 16, "align": "center"}))
        columns = ["E-Mail", "Vorname", "Stadt", "Geboren", "Betrag", "Netto"]
        sheet.write_row(2, 0, columns, head)
        for row, (address, name, city, born, amount) in enumerate(PEOPLE, 3):
            sheet.write_row(row, 0, [address, name, city])
            if born:
                sheet.write_datetime(row, 3, born, day)
            sheet.write_number(row, 4, amount, money)
            sheet.write_formula(row, 5, f"=E{row + 1}*0.8", money, amount * 0.8)
        last = 3 + len(PEOPLE)
        sheet.write_rich_string(3, 1, "A", book.add_format({"bold": True}), "da")
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 5, 14)
        sheet.freeze_panes(3, 1)
        sheet.conditional_format(3, 4, last - 1, 4, {"type": "data_bar"})
        sheet.conditional_format(3, 4, last - 1, 4, {"type": "cell", "criteria": ">", "value": 100, "format": head})
        sheet.data_validation(3, 2, last - 1, 2, {"validate": "list", "source": ["London", "Rom", "Ulm"]})
        sheet.write_comment("C5", "She moves in May.", {"author": "Sue"})
        sheet.write_url("A10", "https://example.org/guests", string="All guests")
        table = book.add_worksheet("Tabelle")
        rows = [[address, name, amount] for address, name, _, _, amount in PEOPLE]
        table.add_table(
            0,
            0,
            len(rows),
            2,
            {"data": rows, "columns": [{"header": text} for text in ("E-Mail", "Vorname", "Betrag")]},
        )
        table.set_column(0, 0, 28)
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": ["Gäste", 3, 4, last - 1, 4], "categories": ["Gäste", 3, 1, last - 1, 1]})
        sheet.insert_chart("A13", chart)
        sheet.insert_image("E12", "dot.png", {"image_data": _picture()})
        book.define_name("Netto", f"='Gäste'!$F$4:$F${last}")


PEOPLE = (
    ("ada@example.org", "Ada", "London", dt.datetime(1990, 2, 28), 1234.5),
    ("broken@example", "Eva", "Rom", dt.datetime(2000, 2, 29), 12.0),
    ("ada@example.org", "Ada noch einmal", "London", None, 3.0),
    ("bob@example.net", "", "Ulm", dt.datetime(1975, 12, 31), 99.99),
    ("cy@example.com", "=1+1", "Köln", dt.datetime(1904, 1, 2), 0.0),
)


def _picture() -> Any:
    """A small red square, as PNG."""
    from io import BytesIO

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xcc\x00\x00" * 24 for _ in range(24))
    head = struct.pack(">IIBBBBB", 24, 24, 8, 2, 0, 0, 0)
    return BytesIO(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def xlwt_book(path: Path) -> None:
    """What programs of the year 2003 left behind."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Gäste")
    day = xlwt.easyxf(num_format_str="dd.mm.yyyy")
    for place, header in enumerate(("E-Mail", "Vorname", "PLZ", "Geboren", "Betrag", "Summe")):
        sheet.write(0, place, header)
    for row, (address, name, _, born, amount) in enumerate(PEOPLE, 1):
        for place, value in ((0, address), (1, name), (2, f"0{row}067"), (4, amount)):
            sheet.write(row, place, value)
        if born:
            sheet.write(row, 3, born, day)
        sheet.write(row, 5, xlwt.Formula(f"E{row + 1}*2"))
    book.save(str(path))


def sheet_back(out: Path) -> None:
    """What `check --sheet` gives back, for somebody to correct and save in LibreOffice."""
    mergecast = str(Path(sys.executable).with_name("mergecast"))
    with tempfile.TemporaryDirectory() as folder:
        for line, status in (
            (["init"], 0),
            (["import", str(HERE / "xlsxwriter.xlsx"), "--list", "guests", "--worksheet", "Gäste"], 1),
            (["create", "june", "--template", "letter", "--list", "guests"], 0),
            (["check", "june", "--sheet", str(out)], 1),
        ):
            done = subprocess.run([mergecast, *line], cwd=folder, capture_output=True, check=False)
            assert done.returncode == status, done.stderr
            (Path(folder) / "templates" / "letter.md").write_text(LETTER, encoding="utf-8")


LETTER = "---\nsubject: Hallo\n---\n{{ vorname }} aus {{ stadt }}, {{ geboren }}: {{ betrag }}\n\n[leave]({{ unsubscribe_url }})\n"


if __name__ == "__main__":
    main()
