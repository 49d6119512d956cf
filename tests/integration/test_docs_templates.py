"""docs/templates.md: every example goes through the import and the rooms that write mails."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from campaigns.compose.filters import filters_for
from campaigns.compose.front_matter import KEYS
from campaigns.compose.holes import Holes
from campaigns.compose.job import RenderJob
from campaigns.compose.marked import Marks
from campaigns.compose.render import Session
from campaigns.compose.source import load_template
from campaigns.compose.speech import Speech
from campaigns.message import fill
from campaigns.message.message import Message, Sender
from campaigns.recipients.sheet import ReadOptions, open_sheet
from tests.doubles import pages

PAGE = pages.page("docs/templates.md")
TABLES = pages.tables(PAGE)
EXAMPLES = [row for table in TABLES if table[0] == ["write", "get"] for row in table[1:]]
ROW = next(table for table in TABLES if table[0][0] == "First name")


def code(cell: str) -> str:
    """What stands between a cell's backticks."""
    return re.fullmatch(r"`(.*)`", cell)[1]  # type: ignore[index]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The row that the page shows, as a sheet with an address."""
    (tmp_path / "templates").mkdir()
    lines = [",".join(["Email", *ROW[0]]), ",".join(["ada@example.org", *ROW[1]])]
    (tmp_path / "people.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def rendered(workspace: Path, body: str) -> str:
    (workspace / "templates/mail.txt").write_text(f"---\nsubject: Hello\n---\n{body}", encoding="utf-8")
    with open_sheet(workspace / "people.csv", ReadOptions()) as sheet:
        rows = [(row.row, json.loads(row.cells)) for row in sheet.rows()]
        job = RenderJob(
            source=load_template(workspace, "mail"),
            fields=sheet.columns,
            locale="en_US",
            today=date(2026, 11, 24),
            campaign="winter",
            bulk=False,
            has_public_url=False,
            workspace_root=workspace,
        )
        batch = Session(job).render(rows)
    assert not batch.problems, batch.problems
    ((_, shape, values),) = batch.rows
    sender = Sender(1, "winter", True, "Ada", "ada@example.com", "", "")
    laid_out = dict(batch.shapes)[shape]
    mail = Message(1, b"8 bytes!", sender, shape, laid_out, "ada@example.org", tuple(values.split("\0")[:-1]), None)  # type: ignore[arg-type]
    return fill.text(mail).strip()


@pytest.mark.parametrize(("written", "got"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_an_example_gives_what_the_page_says(workspace: Path, written: str, got: str) -> None:
    assert rendered(workspace, code(written)) == got


def test_every_filter_is_named() -> None:
    known = set(filters_for(Holes(Marks()), Speech("en"), is_text=False)) - {"d", "e"}  # short names of two others
    named = set(re.findall(r"\|(\w+)", " ".join(row[0] for row in EXAMPLES))) | set(re.findall(r"`(\w+)`", PAGE))
    assert known <= named


def test_every_word_of_the_first_lines_is_named() -> None:
    words = next(table for table in TABLES if table[0] == ["word", "what it is"])
    assert [code(row[0]) for row in words[1:]] == list(KEYS)


@pytest.mark.parametrize("block", [b for b in pages.blocks(PAGE) if b.text.startswith("---")], ids=lambda b: b.line)
def test_first_lines_that_the_page_shows_can_be_read(workspace: Path, block: pages.Block) -> None:
    (workspace / "templates/layouts").mkdir()
    (workspace / "templates/layouts/letter.mjml").write_text("<mjml></mjml>", encoding="utf-8")
    (workspace / "templates/shown.md").write_text(block.text, encoding="utf-8")
    assert load_template(workspace, "shown").front_matter.text("subject")
