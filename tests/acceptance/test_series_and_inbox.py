"""A series and the inbox as people meet them: typed, dropped, and carried out by a real worker."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.doubles import documents
from tests.doubles.command_line import CommandLine, until
from tests.doubles.documents import mistakes
from tests.doubles.prepared import prepared

SETTINGS = """
    [inbox]
    folder = "inbox"
    quiet = "1s"

    [inbox.rules."fair*"]
    list = "fair"
    template = "letter"
"""
ROWS = "email,first_name,city\nada@example.org,Ada,Ulm\nbob@example.net,Bob,Ulm\n"


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    line = prepared(tmp_path_factory, tmp_path / "shop", SETTINGS)
    (line.folder / "export.csv").write_text(ROWS, encoding="utf-8")
    return line


def days_pass(line: CommandLine, days: int) -> None:
    """As if the series had been started so long ago, and no worker had run since."""
    with closing(sqlite3.connect(line.folder / "mergecast.db")) as connection, connection:
        connection.execute("UPDATE series SET since = since - ?, next_at = 0", (days * 86_400 * 1_000_000,))


def a_day_passes(line: CommandLine) -> str:
    """As if its occurrence of today had been another day's; today's date."""
    with closing(sqlite3.connect(line.folder / "mergecast.db", timeout=10)) as connection, connection:
        day: str = connection.execute("SELECT occurrence FROM campaigns WHERE series = 'weekly'").fetchone()[0]
        connection.execute("UPDATE campaigns SET occurrence = '2020-01-01' WHERE series = 'weekly'")
        connection.execute("UPDATE series SET latest = NULL, next_at = 0")
    return day


def test_a_series_is_started_held_released_and_ended_and_a_dropped_file_is_imported(here: CommandLine) -> None:
    weekly = ("create", "weekly", "--template", "letter", "--list", "readers", "--sheet", "export.csv")
    assert "“mondays” names no time of day." in here.run(*weekly, "--every", "mondays", status=2).err
    made = here.json(*weekly, "--every", "daily 00:00", "--late", "send")
    assert mistakes(made, documents.CAMPAIGN) == []
    assert mistakes(made["campaign"]["series"], documents.SERIES) == []
    told = here.run("send", "weekly", "--yes")
    assert told.err.count("00:00 Europe/Berlin, in ") == 5
    assert "next: " in told.out
    days_pass(here, 3)
    inbox = here.folder / "inbox"
    with here.running("run") as worker:
        until(inbox.exists)
        (inbox / "fair.csv").write_text(f"{ROWS}nobody,Eve,Rome\n", encoding="utf-8")
        (inbox / "notes.pdf").write_bytes(b"%PDF-1.7")
        until(lambda: worker.has_said("campaign.finished"), every=0.2)
        until(lambda: worker.has_said("inbox.imported", file="fair.csv", campaign="fair-sheet-1"), every=0.2)
        until(lambda: worker.has_said("inbox.failed", file="notes.pdf"), every=0.2)
        more = "".join(f"p{n}@example.org,P,Ulm\n" for n in range(5))
        (here.folder / "export.csv").write_text(f"{ROWS}{more}", encoding="utf-8")
        day = a_day_passes(here)
        until(lambda: worker.has_said("occurrence.held", series="weekly"), every=0.2)
        held = f"weekly-{day}-2"
        here.run("check", held, status=1)  # a look takes nothing of why it is held
        status = here.json("status", status=1)
        here.run("send", held, "--yes")
        until(lambda: worker.has_said("campaign.finished", campaign=held), every=0.2)
        here.run("cancel", "weekly")
        assert worker.terminate()[0].status == 0
    (page,) = (inbox / "failed").glob("*.html")
    assert "notes.pdf was not imported" in page.read_text(encoding="utf-8")
    assert mistakes(status, documents.STATUS) == []
    by_name = {one["name"]: one for one in status["campaigns"]}
    assert by_name[held]["occurrence"] == {"series": "weekly", "on": day, "held": True}
    assert "more than twice as many" in by_name[held]["trouble"][0]
    assert by_name[f"weekly-{day}"]["messages"]["accepted"] == 2
    assert mistakes(by_name["weekly"]["series"]["last"], documents.LAST) == []
    assert by_name["fair-sheet-1"]["state"] == "checked"
    after = here.run("status").out
    assert f"weekly: last: {held} is finished (5 accepted)" in after
    assert "cancelled" in after
