"""Every verb with every option, once: what it answers, in exactly the documents that were agreed, and how it ends."""

import csv
import json
import sqlite3
from contextlib import closing
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from campaigns.store.migrate import SCHEMA
from tests.doubles import documents
from tests.doubles.command_line import CommandLine
from tests.doubles.documents import mistakes
from tests.doubles.folders import asked, files_of
from tests.doubles.prepared import SENDER, prepared, relay


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return prepared(tmp_path_factory, tmp_path / "shop")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# -- the workspace


@pytest.mark.parametrize("relay", ["", "office365", "sendgrid"])
def test_init_makes_a_workspace_that_works_at_once(tmp_path: Path, relay: str) -> None:
    here = CommandLine(tmp_path)
    told = here.json("init", "shop", *(("--relay", relay) if relay else ()))
    shop = CommandLine(tmp_path / "shop")
    assert told["workspace"] == str(shop.folder)
    assert told["relay"] == (relay or None)
    assert shop.folder.stat().st_mode & 0o077 == 0
    assert (shop.folder / "mergecast.db").stat().st_mode & 0o077 == 0
    if relay:
        assert (shop.folder / "secrets.toml").stat().st_mode & 0o777 == 0o600
        assert "password =" not in (shop.folder / "mergecast.toml").read_text(encoding="utf-8")
        return
    shop.run("import", "people.csv", "--list", "people")
    shop.run("create", "first", "--template", "invitation", "--list", "people")
    shop.run("send", "first", "--yes")
    ran = shop.run("run", "--until-idle", "--json")
    assert mistakes(ran.document, documents.RUN) == []
    assert sum(ran.document["messages"].values()) == len(table(shop.folder / "people.csv"))


def test_doctor_says_what_is_good_and_what_to_do(here: CommandLine) -> None:
    told = here.json("doctor")
    assert mistakes(told, documents.DOCTOR) == []
    found = {check["name"]: check["state"] for check in told["checks"]}
    assert set(found.values()) <= {"good", "warn", "bad"}
    assert (found["workspace"], found["settings"], found["database"], found["local"], found["worker"]) == (
        *["good"] * 4,
        "warn",
    )


def test_doctor_ends_with_1_for_a_transport_that_cannot_be_reached(here: CommandLine) -> None:
    with (here.folder / "mergecast.toml").open("a", encoding="utf-8") as file:
        file.write(relay(port=1))
    told = here.json("doctor", status=1)
    assert mistakes(told, documents.DOCTOR) == []
    (bad,) = [check for check in told["checks"] if check["state"] == "bad"]
    assert bad["name"] == "relay"
    assert "127.0.0.1 port 1" in bad["sentence"]
    assert bad["remedy"]


def test_upgrade_of_what_is_up_to_date_changes_nothing(here: CommandLine) -> None:
    before = files_of(here.folder)
    told = here.json("upgrade")
    assert told["schema"]["before"] == told["schema"]["after"]
    assert files_of(here.folder) == before


def test_an_older_database_is_named_and_upgraded(here: CommandLine) -> None:
    """A schema that never was: everything but the upgrade itself can be seen; that is tested on the first one."""
    with closing(sqlite3.connect(here.folder / "mergecast.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    refused = here.run("status", status=2)
    assert f"needs schema {SCHEMA}" in refused.err
    assert "mergecast upgrade" in refused.err


def test_a_workspace_is_found_by_option_by_variable_and_upwards(here: CommandLine, tmp_path: Path) -> None:
    elsewhere = CommandLine(tmp_path)
    assert elsewhere.run("status", status=2).err.startswith("No workspace here.")
    for terminal, more in (
        (elsewhere, ("--workspace", here.folder)),
        (CommandLine(tmp_path, {"MERGECAST_WORKSPACE": str(here.folder)}), ()),
        (CommandLine(here.folder / "templates"), ()),
    ):
        assert len(terminal.json("status", *more)["campaigns"]) == 2


def test_history_names_who_did_it(here: CommandLine) -> None:
    here.run("create", "one", "--template", "letter", "--list", "people", "--as", "Grace")
    CommandLine(here.folder, {"MERGECAST_USER": "Linus"}).run("check", "one", status=1)
    found = asked(here.folder / "mergecast.db", "SELECT verb, who FROM history ORDER BY id DESC LIMIT 2")
    assert found == [("check", "Linus"), ("create", "Grace")]


# -- lists


def test_import_takes_every_option(here: CommandLine) -> None:
    path = here.folder / "two.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        workbook.add_worksheet("Notes").write(0, 0, "ask Bob")
        sheet = workbook.add_worksheet("Clients")
        sheet.write_row(0, 0, ["Kontakt", "Name", "Nr"])
        sheet.write_row(1, 0, ["zoe@example.net", "Zoë", 7])
        sheet.write_row(2, 0, ["nobody", "=1+1", 8])
    told = here.json(
        "import", path, "--list", "clients", "--worksheet", "Clients", "--column", "email=Kontakt",
        "--column", "first_name=Name", "--type", "nr=text", "--rows", "out.csv", status=1,
    )  # fmt: skip
    assert mistakes(told, documents.IMPORT) == []
    assert (told["list"], told["sheet"], told["rows"], told["good"], told["left_out"]) == ("clients", 1, 2, 1, 1)
    assert {c["header"]: (c["field"], c["kind"]) for c in told["columns"]} == {
        "Kontakt": ("email", "text"), "Name": ("first_name", "text"), "Nr": ("nr", "text"),
    }  # fmt: skip
    lines = table(here.folder / "out.csv")
    assert [(line["row"], line["address"], line["state"]) for line in lines] == [
        ("2", "zoe@example.net", "good"),
        ("3", "nobody", "rejected"),
    ]
    assert lines[1]["reason"]


def test_import_in_another_encoding(here: CommandLine) -> None:
    (here.folder / "alt.csv").write_bytes("email;vorname\nzoe@example.net;Zoë\n".encode("cp1252"))
    assert here.json("import", "alt.csv", "--list", "alt", "--encoding", "cp1252")["good"] == 1
    assert asked(here.folder / "mergecast.db", "SELECT encoding, delimiter FROM sheets ORDER BY id DESC") [0] == ("cp1252", ";")  # fmt: skip


def test_importing_again_says_what_is_new_changed_and_gone(here: CommandLine) -> None:
    (here.folder / "people.csv").write_text(
        "email,first_name,city\nbob@example.net,Bob,Ulm\ncy@example.com,Cyrus,\nnew@example.org,New,Rome\n", "utf-8"
    )
    told = here.json("import", "people.csv", "--list", "people")
    assert told["sheet"] == 2
    assert told["changes"] == {"new": 1, "changed": 1, "gone": 1}
    said = here.run("import", "people.csv", "--list", "people").out
    assert "Since sheet 2: 0 new, 0 changed, 0 gone." in said


def test_suppress_adds_lists_exports_imports_and_removes(here: CommandLine) -> None:
    told = here.json("suppress", "add", "bob@example.net", "@example.com", "--reason", "complaint")
    assert (told["added"], told["known"]) == (2, 0)
    listed = here.json("suppress", "list")["suppressions"]
    assert [(one["address"], one["reason"]) for one in listed] == [("bob@example.net", "complaint"), ("@example.com", "complaint")]  # fmt: skip
    here.run("suppress", "export", "never.csv")
    here.run("suppress", "remove", "bob@example.net", "@example.com")
    assert here.json("suppress", "list")["suppressions"] == []
    told = here.json("suppress", "import", "never.csv", "--reason", "unsubscribe")
    assert (told["added"], told["findings"]) == (2, [])
    assert [one["reason"] for one in here.json("suppress", "list")["suppressions"]] == ["complaint"] * 2
    (here.folder / "more.txt").write_text("cy@example.com\nnobody at home\n", encoding="utf-8")
    told = here.json("suppress", "import", "more.txt", "--reason", "unsubscribe", status=1)
    assert [mistakes(one, documents.FINDING) for one in told["findings"]] == [[]]
    found = here.json("check", "spring", status=1)
    assert (found["ready"], found["left_out"]) == (1, 4)


# -- campaigns


def test_preview_of_one_row_of_the_first_and_of_those_that_differ_most(here: CommandLine) -> None:
    first = here.json("preview", "letter", "--list", "people")
    assert mistakes(first, documents.PREVIEW) == []
    assert [one["row"] for one in first["previews"]] == [2]
    third = here.json("preview", "letter", "--list", "people", "--row", "3", "--out", "looks")
    (one,) = third["previews"]
    assert (one["row"], one["to"], one["subject"]) == (3, "bob@example.net", "Hello Bob")
    mail = message_from_bytes(Path(here.folder / one["files"]["eml"]).read_bytes(), policy=default)
    assert (str(mail["Subject"]), str(mail["From"])) == ("Hello Bob", SENDER)
    page = Path(here.folder / one["files"]["html"])
    assert "Dear Bob of Ulm" in page.read_text(encoding="utf-8")
    assert page.parent == here.folder / "looks"
    several = here.json("preview", "letter", "--list", "people", "--edge-cases")
    assert mistakes(several, documents.PREVIEW) == []
    assert 2 <= len(several["previews"]) <= 3


def test_create_takes_every_option(here: CommandLine) -> None:
    plain = here.json("create", "one", "--template", "letter", "--list", "people")
    assert mistakes(plain, documents.CAMPAIGN) == []
    assert plain["campaign"]["starts"] == {"at": None, "wall": "", "zone": "Europe/Berlin"}
    told = here.json(
        "create", "one", "--template", "templates/note.txt", "--list", "people", "--transport", "local",
        "--from", "Grace <grace@mergecast-fair.org>", "--at", "1.12.2099 09:00", "--zone", "America/New_York",
        "--throttle", "20/s", "--throttle", "100/s burst 20", "--throttle", "50000/d", "--transactional", "--replace",
    )  # fmt: skip
    assert mistakes(told, documents.CAMPAIGN) == []
    campaign = told["campaign"]
    assert campaign["starts"] == {"at": "2099-12-01T14:00:00+00:00", "wall": "2099-12-01T09:00", "zone": "America/New_York"}  # fmt: skip
    assert campaign["throttles"] == ["20/s", "100/s burst 20", "50000/d"]
    assert (campaign["state"], campaign["template"], campaign["leaves"]) == ("draft", "templates/note.txt", False)
    here.run("send", "one", "--yes", "--at", "now")
    here.run("run", "--until-idle")
    mails = [message_from_bytes(path.read_bytes(), policy=default) for path in (here.folder / "mail" / "new").iterdir()]
    assert {str(mail["From"]) for mail in mails} == {"Grace <grace@mergecast-fair.org>"}
    assert {mail["List-Unsubscribe"] for mail in mails} == {None}


@pytest.mark.parametrize(
    ("typed", "wall"),
    [
        ("2099-12-01 09:00", "2099-12-01T09:00"),
        ("2099-12-01T09:00+05:00", "2099-12-01T05:00"),
        ("now", ""),
    ],
)
def test_when_is_read_as_people_write_it_and_answered_with_weekday_zone_and_distance(
    here: CommandLine, typed: str, wall: str
) -> None:
    told = here.json("create", "one", "--template", "letter", "--list", "people", "--at", typed)
    assert told["campaign"]["starts"]["wall"] == wall
    said = here.run("send", "one", "--yes").out
    if wall:
        assert f"Tuesday 1 December 2099, {wall[-5:]} Europe/Berlin, in " in said
    else:
        assert "Starts at once" in said


@pytest.mark.parametrize("typed", ["tomorrow 09:00", "Tuesday 09:00"])
def test_a_day_by_its_name_is_the_next_one(here: CommandLine, typed: str) -> None:
    told = here.json("create", "one", "--template", "letter", "--list", "people", "--at", typed)
    starts = told["campaign"]["starts"]
    assert starts["wall"].endswith("T09:00")
    assert typed == "tomorrow 09:00" or "Tuesday" in here.run("send", "one", "--yes").out


def test_check_shows_findings_and_writes_every_row(here: CommandLine) -> None:
    told = here.json("check", "spring", "--rows", "rows.csv", status=1)
    assert mistakes(told, documents.CHECK) == []
    assert (told["rows"], told["ready"], told["left_out"]) == (5, 3, 2)
    codes = {finding["code"]: finding for finding in told["findings"]}
    assert codes["empty_field"]["first_rows"] == [4]
    assert {finding["severity"] for finding in told["findings"]} <= {"stops", "leaves_out", "warns"}
    assert [line["state"] for line in table(here.folder / "rows.csv")] == [
        "staged", "staged", "staged", "left out: rejected", "left out: duplicate",
    ]  # fmt: skip
    said = here.run("check", "spring", status=1).out
    assert "5 rows, 3 ready, 2 left out" in said


def test_the_verbs_that_steer_answer_with_the_campaign(here: CommandLine) -> None:
    queued = here.json("send", "spring", "--yes", "--at", "tomorrow 09:00", "--transport", "local", "--again")
    assert mistakes(queued, documents.QUEUED) == []
    assert (queued["state"], queued["queued"], queued["left_out"], queued["worker_running"]) == ("scheduled", 3, 2, False)  # fmt: skip
    states = {}
    for verb in ("pause", "resume", "reopen", "cancel"):
        told = here.json(verb, "spring")
        assert mistakes(told, documents.CAMPAIGN) == []
        states[verb] = (told["campaign"]["state"], told["campaign"]["reason"])
    assert states == {
        "pause": ("paused", "person"), "resume": ("scheduled", ""), "reopen": ("draft", ""), "cancel": ("cancelled", ""),
    }  # fmt: skip
    verbs = [verb for (verb,) in asked(here.folder / "mergecast.db", "SELECT verb FROM history ORDER BY id")]
    assert verbs[-6:] == ["check", "send", "pause", "resume", "reopen", "cancel"]


def test_proof_sends_a_copy_of_a_row(here: CommandLine) -> None:
    told = here.json("proof", "spring", "--to", "me@example.org", "--row", "3")
    assert mistakes(told, documents.PROOF) == []
    assert (told["queued"], told["state"]) == (1, "draft")
    ran = here.run("run", "--until-idle", "--json")
    assert mistakes(ran.document, documents.RUN) == []
    assert ran.document["messages"] == {"accepted": 1}
    (path,) = (here.folder / "mail" / "new").iterdir()
    mail = message_from_bytes(path.read_bytes(), policy=default)
    assert (str(mail["To"]), str(mail["Subject"])) == ("me@example.org", "Hello Bob")


def test_status_and_report_account_for_everything(here: CommandLine) -> None:
    assert here.json("status", "crowd")["worker"] is None
    here.run("send", "spring", "--yes")
    with here.running("run", "--until-idle") as worker:
        assert worker.ends().status == 0
    told = here.json("status")
    assert mistakes(told, documents.STATUS) == []
    assert {campaign["name"] for campaign in told["campaigns"]} == {"crowd", "spring"}
    (one,) = here.json("status", "spring")["campaigns"]
    assert (one["state"], one["messages"]["accepted"], one["left_out"]) == ("finished", 3, 2)
    report = here.json("report", "spring", "--rows", "rows.csv")
    assert mistakes(report, documents.REPORT) == []
    assert (report["rows"], report["left_out"], report["adds_up"]) == (5, {"rejected": 1, "duplicate": 1}, True)
    lines = table(here.folder / "rows.csv")
    assert [line["state"] for line in lines] == ["accepted"] * 3 + ["left out: rejected", "left out: duplicate"]
    assert "5 rows = 2 left out + 3 mails." in here.run("report", "spring").out


def test_the_workers_log_is_json_a_line_an_event_without_addresses(here: CommandLine) -> None:
    here.run("send", "spring", "--yes")
    ran = here.run("run", "--until-idle")
    events = [json.loads(line) for line in ran.err.splitlines()]
    assert [one["event"] for one in events] == [
        "worker.started", "campaign.started", "campaign.finished", "worker.stopping", "worker.stopped",
    ]  # fmt: skip
    assert "@" not in ran.err
    assert "3 accepted" in ran.out


def test_nothing_uncertain(here: CommandLine) -> None:
    assert here.json("uncertain", "list") == {"uncertain": []}
    assert here.run("uncertain", "list").out == "Nothing is uncertain.\n"


def every_command() -> list[list[str]]:
    groups = {
        "suppress": ("add", "remove", "list", "import", "export"), "uncertain": ("list", "confirm", "resend"),
        "versions": ("list", "diff", "restore"),
    }  # fmt: skip
    verbs = "demo init merge import preview create check proof approve send pause resume reopen cancel resend run status report show doctor upgrade"  # fmt: skip
    return [*([verb] for verb in verbs.split()), *([group, verb] for group, verbs in groups.items() for verb in verbs)]


def test_every_command_has_help_and_takes_json_workspace_and_as(tmp_path: Path) -> None:
    here = CommandLine(tmp_path)
    for command in every_command():
        said = here.run(*command, "--help").out
        assert all(option in said for option in ("--json", "--workspace", "--as")), command
        assert f"Usage: mergecast {' '.join(command)}" in said


def test_the_help_of_the_command_lists_every_verb(tmp_path: Path) -> None:
    said = CommandLine(tmp_path).run("--help").out
    assert all(f"  {command[0]} " in said for command in every_command())
    without = CommandLine(tmp_path).run(status=2)
    assert without.out == said


def test_a_person_and_a_program_are_told_the_same_numbers(here: CommandLine) -> None:
    told: dict[str, Any] = here.json("check", "spring", status=1)
    said = here.run("check", "spring", status=1).out
    for finding in told["findings"]:
        assert finding["sentence"] in said
