"""Files that are not what they say, as people hand them in."""

import io
import zipfile
from pathlib import Path

import xlsxwriter

HEADER = ("email", "first_name")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def write_hostile_files(folder: Path) -> None:
    """All of them, under names that say what they are."""
    (folder / "report.csv").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n")
    (folder / "locked.xlsx").write_bytes(_ole("EncryptedPackage"))
    (folder / "letter.doc").write_bytes(_ole("WordDocument"))
    (folder / "letter.docx").write_bytes(_zip({"[Content_Types].xml": "<Types/>", "word/document.xml": "<document/>"}))
    (folder / "torn.xlsx").write_bytes(_workbook([HEADER, ("ada@example.org", "Ada")])[:-400])
    (folder / "bomb.xlsx").write_bytes(_bomb())
    (folder / "nothing.csv").write_bytes(b"")
    (folder / "nothing.xlsx").write_bytes(_workbook([]))
    (folder / "header.csv").write_text("email,first_name\n", encoding="utf-8")
    (folder / "header.xlsx").write_bytes(_workbook([HEADER]))
    (folder / "nobody.csv").write_text("first_name,city\nAda,London\nBob,Ulm\n", encoding="utf-8")
    (folder / "cp1252.csv").write_bytes("email,first_name\nzoe@example.org,Zoë\n".encode("cp1252"))


def _ole(stream: str) -> bytes:
    return _OLE + bytes(4_096) + stream.encode("utf-16-le") + bytes(600)


def _zip(parts: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def _workbook(rows: list[tuple[str, ...]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("People")
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    return file.getvalue()


def _bomb() -> bytes:
    """A workbook whose sheet is 300 MB of blanks in 300 kB."""
    file = io.BytesIO(_workbook([HEADER, ("ada@example.org", "Ada")]))
    whole = io.BytesIO()
    with zipfile.ZipFile(file) as good, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in good.namelist():
            if name != "xl/worksheets/sheet1.xml":
                archive.writestr(name, good.read(name))
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(300):
                part.write(b" " * 1_000_000)
    return whole.getvalue()
