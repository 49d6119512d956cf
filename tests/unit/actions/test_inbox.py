"""The inbox with real files: which are whole, what becomes of each, and what a kill in the middle leaves."""

import os
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import select

from campaigns.actions import take_in as taking
from campaigns.actions.desk import Desk
from campaigns.actions.import_list import import_list
from campaigns.actions.inbox import Inbox
from campaigns.clock import SystemClock
from campaigns.errors import SettingsError, StoreError
from campaigns.recipients.sheet import ReadOptions
from campaigns.settings import load_settings
from campaigns.store import tables
from tests.doubles.rendering_here import render_here
from tests.doubles.workspaces import new_desk, write_template

ADA, BOB = "email,first_name\nada@example.org,Ada\n", "email,first_name\nbob@example.org,Bob\n"
RULES = {
    "news*": {"list": "News", "template": "letter"},
    "*.tsv": {"list": "shop"},
    "broken*": {"list": "broken", "template": "gone"},
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    render_here(monkeypatch)
    desk = new_desk(tmp_path, SystemClock(), inbox={"folder": "inbox", "quiet": "3s", "rules": RULES})
    write_template(desk)
    (tmp_path / "inbox").mkdir(mode=0o700)
    (tmp_path / "customers.csv").write_text(ADA, encoding="utf-8")
    import_list(desk, tmp_path / "customers.csv", "customers", ReadOptions())
    yield desk
    desk.store.close()


class Text(HTMLParser):
    """What a page says, and that nothing in it runs or is fetched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "link", "iframe")
        assert not {"src", "href", "onload"} & {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.words).split())


def drop(desk: Desk, name: str, text: str = ADA, age: float = 60.0) -> Path:
    """A file that was written some seconds ago."""
    path = desk.workspace.root / "inbox" / name
    path.write_text(text, encoding="utf-8")
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    return path


def taken(desk: Desk, inbox: Inbox | None = None, **how: Any) -> list[tuple[str, dict[str, Any]]]:
    told: list[tuple[str, dict[str, Any]]] = []
    inbox = inbox or Inbox(desk.workspace, desk.clock)
    taking.take_in(desk, inbox, inbox.ready(), lambda event, **about: told.append((event, about)), **how)
    return told


def sheets(desk: Desk) -> list[tuple[str, int, str]]:
    query = select(tables.lists.c.name, tables.sheets.c.n, tables.sheets.c.file_name).join(tables.lists)
    with desk.store.read() as conn:
        return [
            tuple(row) for row in conn.execute(query.where(tables.sheets.c.n.is_not(None)).order_by(tables.sheets.c.id))
        ][1:]


def page(desk: Desk, folder: str, name: str) -> str:
    (found,) = (desk.workspace.root / "inbox" / folder).glob(f"* {name}.html")
    return str(Text(found.read_text(encoding="utf-8")))


def test_a_file_goes_into_the_list_that_its_name_or_a_rule_tells(desk: Desk) -> None:
    for n, name in enumerate(("Customers 2026-11-30.csv", "customers_(2).csv", "x.TSV", "customersfirst.csv")):
        drop(desk, name, BOB if n % 2 else ADA, age=60 - n)
    events = [(event, about["file"]) for event, about in taken(desk)]
    assert events == [
        ("inbox.imported", "Customers 2026-11-30.csv"),  # the list has it already
        ("inbox.imported", "customers_(2).csv"),
        ("inbox.imported", "x.TSV"),
        ("inbox.failed", "customersfirst.csv"),
    ]
    assert sheets(desk) == [("customers", 2, "customers_(2).csv"), ("shop", 1, "x.TSV")]
    assert "nothing was imported again" in page(desk, "done", "Customers 2026-11-30.csv")
    said = page(desk, "failed", "customersfirst.csv")
    assert "named after no list" in said
    assert "There is customers, shop." in said
    assert not Inbox(desk.workspace, desk.clock).has_files()


def test_a_rule_makes_a_campaign_that_waits(desk: Desk) -> None:
    drop(desk, "news.csv", f"{ADA}nobody,Eve\n")
    drop(desk, "broken.csv")
    taken(desk)
    with desk.store.read() as conn:
        rows = conn.execute(select(tables.campaigns.c.name, tables.campaigns.c.state)).all()
    assert [tuple(row) for row in rows] == [("News-sheet-1", "checked")]
    said = page(desk, "done", "news.csv")
    assert "Row 3: “nobody” has no @." in said
    assert "mergecast send News-sheet-1" in said
    assert "could not be prepared. There is no template" in page(desk, "done", "broken.csv")


def test_only_what_is_whole_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, now = Inbox(desk.workspace, desk.clock), [100.0]
    monkeypatch.setattr(SystemClock, "monotonic", lambda _self: now[0])
    growing = drop(desk, "customers.csv", age=0)
    for name in ("~$customers.xlsx", ".customers.csv", "customers.csv.part", "customers.crdownload"):
        drop(desk, name)
    for seconds in (0, 2, 2):
        now[0] += seconds
        with growing.open("a", encoding="utf-8") as file:
            file.write("bob@example.org,Bob\n")
        assert inbox.ready() == []
        assert inbox.has_files()
    now[0] += 3
    assert inbox.ready() == ["customers.csv"]
    growing.rename(growing.with_name("elsewhere.part"))
    assert inbox.ready() == []
    drop(desk, "moved.part", age=60).rename(growing)  # whole, and renamed into it
    assert inbox.ready() == ["customers.csv"]


def test_what_vanishes_or_goes_on_growing_is_left_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox(desk.workspace, desk.clock)
    drop(desk, "customers.csv").unlink()
    taking.take_in(desk, inbox, ["customers.csv", "never.csv"], lambda event, **about: pytest.fail(event))
    path = drop(desk, "customers.csv", BOB)
    read = taking.import_as_last_time

    def slowly(*args: Any) -> Any:
        with (path.parent / ".taken" / path.name).open("a", encoding="utf-8") as file:
            result = read(*args)
            file.write("cy@example.org,Cy\n")
        return result

    monkeypatch.setattr(taking, "import_as_last_time", slowly)
    assert [event for event, _ in taken(desk, inbox)] == ["inbox.changed"]
    monkeypatch.undo()
    assert path.read_text(encoding="utf-8").endswith("Cy\n")


def test_a_kill_between_import_and_move_imports_nothing_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(desk, "news.csv")
    drop(desk, "x.tsv", BOB)
    monkeypatch.setattr(Inbox, "put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            taken(desk)
    monkeypatch.undo()
    render_here(monkeypatch)
    drop(desk, "news.csv", BOB)  # another of the same name
    assert [about["file"] for _, about in taken(desk)] == ["news.csv", "x.tsv", "news.csv"]
    assert sorted(sheets(desk)) == [("News", 1, "news.csv"), ("News", 2, "news.csv"), ("shop", 1, "x.tsv")]
    assert len(list((desk.workspace.root / "inbox" / "done").glob("*.csv"))) == 2


def test_a_store_that_refuses_blames_no_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(desk, "customers.csv", BOB)

    def full(*_: Any) -> Any:
        raise StoreError("The disk is full: nothing was changed.")

    monkeypatch.setattr(taking, "import_as_last_time", full)
    with pytest.raises(StoreError):
        taken(desk)
    monkeypatch.undo()
    assert [event for event, _ in taken(desk)] == ["inbox.imported"]


def test_hostile_files_fail_with_a_page_and_hold_nobody_up(desk: Desk, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    secret = tmp_path / "secrets.toml"
    secret.write_text("password = 'x'", encoding="utf-8")
    (inbox / "customers 1.csv").symlink_to(secret)
    os.mkfifo(inbox / "customers 2.csv")
    drop(desk, "customers <script>alert(1)</script>\n.csv".replace("/", "⁄"), "no addresses\nhere\n")
    drop(desk, f"customers {'9' * 235}.csv", "x")
    Path(os.fsdecode(os.fsencode(inbox) + b"/customers \xff.csv")).write_bytes(b"\x00\xff\xfe")
    drop(desk, "customers 3.csv", "%PDF-1.7")
    drop(desk, "customers 4.csv", BOB)
    watched = Inbox(desk.workspace, desk.clock)
    watched.ready()
    for name in watched._seen:
        watched._seen[name] = (watched._seen[name][0], -1e9)  # they have lain there for long
    events = dict.fromkeys(("inbox.failed", "inbox.imported"), 0)
    for event, _ in taken(desk, watched):
        events[event] += 1
    assert events == {"inbox.failed": 6, "inbox.imported": 1}
    assert "This is a link" in page(desk, "failed", "customers 1.csv")
    assert "This is a link or a device" in page(desk, "failed", "customers 2.csv")
    assert "is a PDF" in page(desk, "failed", "customers 3.csv")
    for found in (inbox / "failed").glob("*.html"):
        assert "password" not in str(Text(found.read_text(encoding="utf-8")))
    assert secret.exists()
    assert sheets(desk) == [("customers", 2, "customers 4.csv")]


def test_a_good_file_is_imported_whatever_bytes_its_name_has(desk: Desk) -> None:
    inbox = desk.workspace.root / "inbox"
    Path(os.fsdecode(os.fsencode(inbox) + b"/customers \xff\n.csv")).write_text(BOB, encoding="utf-8")
    watched = Inbox(desk.workspace, desk.clock)
    watched.ready()
    for name in watched._seen:
        watched._seen[name] = (watched._seen[name][0], -1e9)
    assert [event for event, _ in taken(desk, watched)] == ["inbox.imported"]
    assert sheets(desk) == [("customers", 2, "customers ��.csv")]


def test_what_a_person_would_be_asked_fails_and_what_she_said_last_time_holds(desk: Desk, tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "inbox" / "customers 1.xlsx") as book:
        sheet = book.add_worksheet()
        for row, name in enumerate(("email", "ada@example.org", "bob@example.org")):
            sheet.write(row, 0, name)
        sheet.set_row(2, None, None, {"hidden": True})
    os.utime(tmp_path / "inbox" / "customers 1.xlsx", (0, 0))
    taken(desk)
    said = page(desk, "failed", "customers 1.xlsx")
    assert "hidden" in said
    assert "--hidden-rows" in said
    jose = "email,first_name\njose@example.org,José\n".encode("cp1252")
    (tmp_path / "by hand.csv").write_bytes(jose)
    import_list(desk, tmp_path / "by hand.csv", "customers", ReadOptions(encoding="cp1252"))
    drop(desk, "customers 2.csv")
    (tmp_path / "inbox" / "customers 2.csv").write_bytes(jose + b"rene@example.org,Ren\xe9\n")
    os.utime(tmp_path / "inbox" / "customers 2.csv", (0, 0))
    assert [event for event, _ in taken(desk)] == ["inbox.imported"]


def test_what_ended_the_process_three_times_is_given_up(desk: Desk) -> None:
    drop(desk, "customers.csv", BOB)
    inbox = Inbox(desk.workspace, desk.clock)
    next(iter(inbox.claim(["customers.csv"])))  # and the process ended
    drop(desk, "x.tsv")
    assert [event for event, _ in taken(desk, inbox, spare=True)] == ["inbox.failed", "inbox.imported"]
    assert "ended the process" in page(desk, "failed", "customers.csv")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('[inbox]\nfolder = "inbox"\n[inbox.rules."x*"]\nlist = "x"\ntransport = "relay"\n', "no transport 'relay'"),
        ('[inbox.rules."x*"]\nlist = "x"\n', "rules and no folder"),
        ('[inbox]\nfolder = "inbox"\n[inbox.rules."x*"]\nlist = " "\n', "needs a name"),
        ('[inbox]\nfolder = "."\n', "cannot be '.'"),
        ('[inbox]\nfolder = "templates/in"\n', "cannot be 'templates/in'"),
        ('[inbox]\nfolder = "../in"\n', "cannot be '../in'"),
        ('[inbox]\nquiet = "5"\n', "no length of time"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "mergecast.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_settings(tmp_path, {})
    assert said in refused.value.sentence


def test_without_settings_there_is_no_inbox(tmp_path: Path) -> None:
    desk = new_desk(tmp_path)
    inbox = Inbox(desk.workspace, desk.clock)
    assert (inbox.ready(), inbox.has_files(), list(inbox.claim(["x"]))) == ([], False, [])
    assert desk.workspace.settings.inbox.quiet == timedelta(seconds=5)
    desk.store.close()
