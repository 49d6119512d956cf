"""Point 11: invoices for a few people, with terms for all and a picture in the text, through all three ways out."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP
from openpyxl import Workbook

from tests.doubles.command_line import CommandLine
from tests.doubles.newsletter import PICTURE
from tests.doubles.once import made_once
from tests.doubles.sendgrid_double import SendgridDouble
from tests.doubles.serving import serving

KEY = "SG.acceptance.key"
PEOPLE = [(f"person{n}@example.org", f"Person {n}", f"R-{2000 + n}") for n in range(12)]
PDF = "application/pdf"
TEMPLATE = """---
subject: Your invoice {{ invoice }}
kind: transactional
attachments: Allgemeine Geschäftsbedingungen gültig ab 2026.pdf; terms.txt, rechnungen/Rechnung {{ invoice }}.PDF
---
Dear {{ name }},

![The kiln](kiln.png)

your invoice is attached.
"""
TERMS = b"%PDF-1.7 the same for all \x00\xff" * 20_000  # 500 kB
SHARED = [
    ("Allgemeine Geschäftsbedingungen gültig ab 2026.pdf", PDF, TERMS),
    ("terms.txt", "text/plain", "Grüße\r\n.\r\nFrom here".encode()),
]

Files = list[tuple[str, str, bytes]]


@contextmanager
def relay() -> Iterator[tuple[list[bytes], int]]:
    kept: list[bytes] = []

    class Keeper:
        async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
            kept.append(envelope.content)
            return "250 2.0.0 Ok"

    @asynccontextmanager
    async def listening() -> Any:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(Keeper(), hostname="mail.example.net"), "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await asyncio.sleep(0)

    with serving(listening()) as port:
        yield kept, port


def write_workspace(here: CommandLine, port: int = 25, cloud: str = "http://127.0.0.1:9") -> None:
    here.run("init")
    (here.folder / "mergecast.toml").write_text(
        f"""
[sender]
from = "Office <office@mergecast-fair.org>"
[transports.relay]
kind = "smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
[transports.cloud]
kind = "sendgrid"
base_url = "{cloud}"
""",
        encoding="utf-8",
    )
    invoices = here.folder / "attachments" / "rechnungen"
    invoices.mkdir()
    for _, name, number in PEOPLE:
        (invoices / f"rechnung {number}.pdf").write_bytes(invoice(name))
    for name, _, data in SHARED:
        (here.folder / "attachments" / name.replace("ä", "a\u0308").replace("ü", "u\u0308")).write_bytes(data)
    (here.folder / "templates" / "kiln.png").write_bytes(PICTURE)
    (here.folder / "templates" / "invoice.md").write_text(TEMPLATE, encoding="utf-8")
    write_sheet(here)


def write_sheet(here: CommandLine, rows: list[tuple[str, str, str]] | None = None) -> None:
    book = Workbook()
    assert book.active is not None
    for row in [("Email", "Name", "Invoice"), *(rows or PEOPLE)]:
        book.active.append(row)
    book.save(here.folder / "people.xlsx")
    here.run("import", "people.xlsx", "--list", "people", status=None)


def invoice(name: str) -> bytes:
    return b"%PDF-1.7 the invoice of " + name.encode()


@dataclass
class Sent:
    ways: dict[str, dict[str, Files]]  # by address
    pictures: set[tuple[str, bytes]]
    requests: int


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    return made_once(tmp_path_factory, "attachments", send_everything)


def send_everything(folder: Path) -> Sent:
    with relay() as (smtp, port), SendgridDouble.in_thread(key=KEY) as sendgrid:
        here = CommandLine(folder, {"MERGECAST_TRANSPORTS__CLOUD__API_KEY": KEY})
        write_workspace(here, port, sendgrid.url)
        for transport in ("local", "relay", "cloud"):
            here.run("create", transport, "--template", "invoice", "--list", "people", "--transport", transport)
            here.run("send", transport, "--yes", "--again")
        for path in (folder / "attachments").rglob("*.pdf"):  # what is queued is frozen
            path.write_bytes(b"changed")
        here.run("run", "--until-idle")
    maildir = [path.read_bytes() for path in (folder / "mail" / "new").iterdir()]
    mails = [cast("EmailMessage", message_from_bytes(data, policy=default)) for data in (*maildir, *smtp)]
    return Sent(
        ways={
            "maildir": dict(map(files_of, mails[: len(maildir)])),
            "smtp": dict(map(files_of, mails[len(maildir) :])),
            "sendgrid": {
                mail.to[0].email: [
                    (a.filename, a.type, a.data) for a in mail.attachments if a.disposition == "attachment"
                ]
                for mail in sendgrid.mails
            },
        },
        pictures={
            (part.get_content_type(), cast("bytes", part.get_payload(decode=True)))
            for mail in mails
            for part in mail.walk()
            if part.get_content_disposition() == "inline"
        }
        | {(a.type, a.data) for mail in sendgrid.mails for a in mail.attachments if a.disposition == "inline"},
        requests=len(sendgrid.documents),
    )


def files_of(mail: EmailMessage) -> tuple[str, Files]:
    assert not [part.defects for part in mail.walk() if part.defects]
    parts = [part for part in mail.iter_attachments() if part.get_content_disposition() == "attachment"]
    return str(mail["To"]), [
        (str(part.get_filename()), part.get_content_type(), cast("bytes", part.get_payload(decode=True)))
        for part in parts
    ]


@pytest.mark.parametrize("way", ["maildir", "smtp", "sendgrid"])
def test_everybody_gets_the_terms_and_their_own_invoice_as_they_were_when_they_were_queued(
    sent: Sent, way: str
) -> None:
    assert sent.ways[way] == {
        address: [*SHARED, (f"rechnung {number}.pdf", PDF, invoice(name))] for address, name, number in PEOPLE
    }


def test_the_picture_stays_in_the_text(sent: Sent) -> None:
    assert sent.pictures == {("image/png", PICTURE)}


def test_people_who_get_different_files_share_no_request(sent: Sent) -> None:
    assert sent.requests == len(PEOPLE)


# -- what a person is told


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    here = CommandLine(folder)
    write_workspace(here)
    here.run("create", "bill", "--template", "invoice", "--list", "people")
    return folder


@pytest.fixture
def here(workspace: Path, tmp_path: Path) -> CommandLine:
    shutil.copytree(workspace, tmp_path, dirs_exist_ok=True)
    return CommandLine(tmp_path)


def test_a_missing_file_is_told_with_its_row_before_anything_is_queued(here: CommandLine) -> None:
    (here.folder / "attachments/rechnungen/rechnung R-2003.pdf").unlink()
    told = here.json("check", "bill", status=1)
    (missing,) = [one for one in told["findings"] if one["code"] == "file_missing"]
    assert (told["ready"], missing["severity"], missing["first_rows"]) == (11, "leaves_out", [5])
    assert "Put the file into attachments/" in missing["remedy"]
    assert here.json("send", "bill", "--yes")["queued"] == 11


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([PEOPLE[0], ("person1@example.org", "Person 1", "R-2000")], "same_file"),
        ([("person0@example.org", "Person 0", "R-2000 Person 1"), PEOPLE[1]], "others_file"),
    ],
)
def test_somebody_elses_invoice_stops_the_campaign_whatever_is_accepted_beforehand(
    here: CommandLine, rows: list[tuple[str, str, str]], code: str
) -> None:
    (here.folder / "attachments/rechnungen/Rechnung R-2000 Person 1.pdf").write_bytes(b"%PDF other")
    write_sheet(here, rows)
    told = here.json("check", "bill", status=None)
    assert next((one["code"], one["severity"]) for one in told["findings"]) == (code, "stops")
    refused = here.run("send", "bill", "--yes", status=2)
    assert "cannot be sent" in refused.err
    assert here.json("status", "bill", status=None)["campaigns"][0]["messages"].get("queued", 0) == 0


def test_what_may_not_travel_is_refused_with_a_sentence(here: CommandLine) -> None:
    folder = here.folder / "attachments"
    (folder / "link.pdf").symlink_to("../mergecast.toml")
    os.mkfifo(folder / "pipe.pdf")
    (folder / "virus.exe").write_bytes(b"MZ")
    template = here.folder / "templates" / "invoice.md"
    for written in ("../mergecast.toml", "link.pdf", "virus.exe"):
        template.write_text(TEMPLATE.replace("attachments: ", f"attachments: {written}, "), encoding="utf-8")
        assert f"“{written}” " in here.run("send", "bill", "--yes", status=2).err
    wrong = "/etc/passwd, link.pdf, pipe.pdf, virus.exe, gone.pdf"
    template.write_text(TEMPLATE.replace("attachments: ", f"attachments: {wrong}, "), encoding="utf-8")
    told = here.json("check", "bill", status=None)
    assert {one["code"] for one in told["findings"]} == {"file_outside", "file_missing", "dangerous_file"}
    assert not [path for path in (folder / ".kept").iterdir() if b"[sender]" in path.read_bytes()]


def test_a_kept_file_that_is_gone_pauses_the_campaign_and_sends_nothing_wrong(here: CommandLine) -> None:
    here.run("send", "bill", "--yes")
    kept = {path.read_bytes(): path for path in (here.folder / "attachments/.kept").iterdir()}
    kept[TERMS].unlink()
    here.run("run", "--until-idle")
    told = here.json("status", "bill", status=1)["campaigns"][0]
    assert (told["state"], told["messages"]["queued"]) == ("paused", len(PEOPLE))
    assert kept[TERMS].name in told["reason"]
    kept[TERMS].write_bytes(TERMS)
    here.run("resume", "bill")
    here.run("run", "--until-idle")
    assert here.json("status", "bill")["campaigns"][0]["messages"]["accepted"] == len(PEOPLE)


def test_a_proof_and_a_preview_carry_the_files_of_their_row(here: CommandLine) -> None:
    (shown,) = here.json("preview", "invoice", "--list", "people", "--row", 4)["previews"]
    read = message_from_bytes(Path(shown["files"]["eml"]).read_bytes(), policy=default)
    here.run("proof", "bill", "--to", "me@example.org", "--row", 4)
    here.run("run", "--until-idle")
    (path,) = (here.folder / "mail" / "new").iterdir()
    expected = [*SHARED, ("rechnung R-2002.pdf", PDF, invoice("Person 2"))]
    for mail in (read, message_from_bytes(path.read_bytes(), policy=default)):
        assert files_of(cast("EmailMessage", mail))[1] == expected


def test_edge_cases_show_each_difference_between_the_files_of_people(here: CommandLine) -> None:
    """Before a campaign is queued and afterwards, when the files are those that were frozen."""
    folder = here.folder / "attachments"
    (folder / "map.pdf").write_bytes(b"%PDF map")
    (folder / "rechnungen/rechnung R-2004.pdf").write_bytes(invoice("Person 4") * 100)
    (folder / "rechnungen/rechnung R-2007.pdf").write_bytes(b"%PDF-1.7")
    (folder / "rechnungen/rechnung R-2010.pdf").unlink()  # its row gets no mail
    patterns = (
        "{% if invoice in ('R-2003', 'R-2009') %}map.pdf{% endif %}, "
        "{% if invoice != 'R-2005' %}rechnungen/Rechnung {{ invoice }}.PDF{% endif %}"
    )
    written = TEMPLATE.replace("rechnungen/Rechnung {{ invoice }}.PDF", patterns)
    (here.folder / "templates" / "invoice.md").write_text(written, encoding="utf-8")
    shown = here.json("preview", "invoice", "--list", "people", "--edge-cases")["previews"]
    here.run("send", "bill", "--yes")
    proofs = here.json("proof", "bill", "--to", "me@example.org", "--edge-cases")["proofs"]
    for chosen in (shown, proofs):
        assert 12 not in {one["row"] for one in chosen}
        reasons = {reason: one["row"] for one in chosen for reason in one["why"]}
        assert {reason: row for reason, row in reasons.items() if "file" in reason} == {
            "largest file of one's own: rechnung R-2004.pdf": 6,
            "smallest file of one's own: rechnung R-2007.pdf": 9,
            "no file where others have one": 7,
            "first with the file map.pdf": 5,
        }
