"""The verbs on a real workspace: what is typed, what becomes of it, and how it ends."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from campaigns.actions.init import init
from campaigns.cli.app import app
from campaigns.cli.face import main

SHEET = "First Name;E-Mail;Amount\nAda;ada@example.com;1.5\nBob;bob@example;2\nCleo;cleo@example.org;3\n"
TEMPLATE = "---\nsubject: Hello {{ first_name }}\n---\nHi {{ first_name }}\n\n[leave]({{ unsubscribe_url }})\n"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a sheet and a template, and one stands in it."""
    for name in ("MERGECAST_WORKSPACE", "MERGECAST_USER", "MERGECAST_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "shop"
    init(root, zone="Europe/Berlin", example=False)
    (root / "people.csv").write_text(SHEET, encoding="utf-8")
    (root / "templates/hello.md").write_text(TEMPLATE, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def run(shop: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*args: str) -> tuple[int, str, str]:
        status = main(app, list(args))
        return status, *capsys.readouterr()

    return run


def asked(run: Run, *args: str) -> tuple[int, dict[str, Any]]:
    """Exit status and the one document of `--json`."""
    status, out, err = run(*args, "--json")
    assert err == ""
    document = json.loads(out)
    assert isinstance(document, dict)
    return status, document


@pytest.fixture
def listed(run: Run) -> None:
    assert run("import", "people.csv", "--list", "people")[0] == 1


@pytest.fixture
def made(run: Run, listed: None) -> None:
    status, *_ = run("create", "spring", "--template", "hello", "--list", "people", "--at", "2099-12-01 09:00")
    assert status == 0


def test_an_import_with_left_out_rows_is_1(run: Run) -> None:
    status, told = asked(run, "import", "people.csv", "--list", "people")
    assert status == 1
    assert set(told) == {
        "list",
        "sheet",
        "rows",
        "good",
        "left_out",
        "repeated",
        "joined",
        "columns",
        "changes",
        "first_changes",
        "findings",
    }
    assert (told["rows"], told["good"], told["left_out"]) == (3, 2, 1)
    assert told["columns"][0] == {
        "header": "First Name",
        "field": "first_name",
        "kind": "text",
        "empty": 0,
        "role": "first_name",
        "why": "name",
    }


def test_a_clean_import_is_0(run: Run, shop: Path) -> None:
    (shop / "clean.csv").write_text("email,name\nada@example.com,Ada\n", encoding="utf-8")
    assert asked(run, "import", "clean.csv", "--list", "clean")[0] == 0


def test_the_rows_of_an_import_can_be_had_as_a_file_that_runs_no_formula(run: Run, shop: Path) -> None:
    (shop / "odd.csv").write_text(
        'name,email\nAda,ada@example.com\nBob,"=cmd|x"\nAda,ADA@example.com\n', encoding="utf-8"
    )
    assert run("import", "odd.csv", "--list", "odd", "--rows", "out.csv")[0] == 1
    with (shop / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["state"]) for row in rows] == [("2", "good"), ("3", "rejected"), ("4", "duplicate")]
    assert rows[1]["address"] == "'=cmd|x"
    assert rows[1]["reason"]


@pytest.mark.parametrize("out", ["people.csv", "nowhere/out.csv", "templates"])
def test_a_file_of_rows_that_cannot_be_written_stops_the_import_beforehand(run: Run, shop: Path, out: str) -> None:
    assert run("import", "people.csv", "--list", "people", "--rows", out)[0] == 2
    assert (shop / "people.csv").read_text(encoding="utf-8") == SHEET
    assert run("create", "spring", "--template", "hello", "--list", "people")[0] == 2


def test_the_kind_and_the_header_of_a_column_can_be_said(run: Run) -> None:
    args = ("--column", "email=E-Mail", "--type", "amount=text", "--type", "first_name=text")
    _, told = asked(run, "import", "people.csv", "--list", "people", *args)
    assert {column["header"]: column["kind"] for column in told["columns"]}["Amount"] == "text"


@pytest.mark.parametrize(
    "args",
    [
        ("import", "missing.csv", "--list", "people"),
        ("import", "people.csv"),
        ("import", "people.csv", "--list", " "),
        ("import", "people.csv", "--list", "people", "--type", "amount=money"),
        ("import", "people.csv", "--list", "people", "--column", "email"),
        ("import", "people.csv", "--list", "people", "--encoding", "klingon"),
        ("import", "people.csv", "--list", "people", "--column", "email=Nowhere"),
        ("create", "spring", "--template", "helo", "--list", "people"),
        ("create", "spring", "--template", "hello", "--list", "nobody"),
        ("create", "spring", "--template", "hello", "--list", "people", "--transport", "relay"),
        ("create", "spring", "--template", "hello", "--list", "people", "--throttle", "fast"),
        ("create", "spring", "--template", "hello", "--list", "people", "--at", "01/02/2099 09:00"),
        ("create", "spring", "--template", "hello", "--list", "people", "--at", "2020-01-01 09:00"),
        ("create", "spring", "--template", "hello", "--list", "people", "--at", "2027-03-28 02:30"),
        ("create", "spring", "--template", "hello", "--list", "people", "--at", ""),
        ("create", "spring", "--template", "hello", "--list", "people", "--every", " "),
        ("create", "spring", "--template", "hello", "--list", "people", "--window", "mon-fri 9-17"),
        ("create", "spring", "--template", "hello", "--list", "people", "--zone", "Europe/Atlantis"),
        ("check", "sprin"),
        ("pause", "nothing"),
        ("report", "nothing"),
        ("status", "nothing"),
        ("resend", "nothing"),
        ("suppress", "add", "nobody"),
        ("suppress", "add", "ada@example.com", "--reason", "dislike"),
        ("suppress", "remove", "ada@example.com"),
        ("suppress", "import", "missing.txt"),
        ("uncertain", "confirm", "nothing"),
        ("init",),
    ],
)
def test_bad_input_is_2_with_one_sentence_and_a_remedy(run: Run, listed: None, args: tuple[str, ...]) -> None:
    status, told = asked(run, *args)
    assert status == 2
    assert told["error"]["sentence"]
    assert told["error"]["remedy"]
    assert asked(run, "status") == (0, {"worker": None, "held": None, "outages": [], "warm_ups": [], "campaigns": []})


def test_outside_of_a_workspace_every_verb_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run("status")
    assert status == 2
    assert "No workspace here." in err
    assert "Run `mergecast init`." in err


def test_a_campaign_is_told_with_its_start(run: Run, made: None) -> None:
    status, told = asked(
        run, "create", "may", "--template", "hello", "--list", "people", "--at", "1.12.2099 09:00", "--throttle", "20/s"
    )
    assert status == 0
    campaign = told["campaign"]
    names = {
        "name",
        "state",
        "reason",
        "list",
        "sheet",
        "template",
        "version",
        "transport",
        "leaves",
        "starts",
        "throttles",
        "hold",
        "windows",
        "holidays",
        "times",
        "late",
        "pause_above",
        "canary",
        "audience",
        "series",
    }
    assert set(campaign) == names
    assert campaign["starts"]["wall"] == "2099-12-01T09:00"
    assert campaign["starts"]["zone"] == "Europe/Berlin"
    assert (campaign["state"], campaign["throttles"], campaign["leaves"]) == ("draft", ["20/s"], False)


def test_a_name_is_taken_once_and_a_draft_can_be_replaced(run: Run, made: None) -> None:
    again = ("create", "spring", "--template", "hello", "--list", "people")
    assert run(*again)[0] == 2
    assert run(*again, "--replace")[0] == 0


def test_a_check_with_left_out_rows_is_1_and_accounts_for_every_row(run: Run, made: None, shop: Path) -> None:
    status, told = asked(run, "check", "spring", "--rows", "out.csv")
    assert status == 1
    assert set(told) == {"campaign", "rows", "ready", "left_out", "joined", "shapes", "findings"}
    assert (told["rows"], told["ready"], told["left_out"]) == (3, 2, 1)
    assert (shop / "out.csv").read_text(encoding="utf-8-sig").count("\n") == 4


def test_a_steering_verb_is_refused_in_the_wrong_state(run: Run, made: None) -> None:
    for verb in ("pause", "resume", "reopen"):
        assert run(verb, "spring")[0] == 2


def test_a_cancelled_campaign_is_told(run: Run, made: None) -> None:
    status, told = asked(run, "cancel", "spring")
    assert (status, told["campaign"]["state"]) == (0, "cancelled")


def test_warnings_are_asked_about_and_nobody_there_is_no_yes(run: Run, made: None) -> None:
    status, told = asked(run, "send", "spring")
    assert status == 2
    assert "--yes" in told["error"]["remedy"]
    assert asked(run, "status")[1]["campaigns"][0]["state"] == "checked"


def test_yes_queues_and_says_when_and_that_nobody_sends(run: Run, made: None) -> None:
    status, out, _ = run("send", "spring", "--yes")
    assert status == 0
    assert "2 mails queued as a rehearsal" in out
    assert "Tuesday 1 December 2099, 09:00 Europe/Berlin, in " in out
    assert "No worker is running" in out


def test_a_queued_campaign_is_one_document_and_can_be_steered(run: Run, made: None) -> None:
    status, told = asked(run, "send", "spring", "--yes")
    assert status == 0
    assert set(told) == {
        "campaign", "state", "starts", "transport", "leaves", "canary", "queued", "left_out", "worker_running", "shares",
        "times", "hold", "opens", "plan",
    }  # fmt: skip
    assert (told["state"], told["queued"], told["left_out"]) == ("scheduled", 2, 1)
    assert "starts Tuesday 1 December 2099, 09:00 Europe/Berlin, in " in run("pause", "spring")[1]  # it has not begun
    assert "1 December 2099, 09:00 Europe/Berlin, in " in run("status", "spring")[1]
    assert "It is paused: this is how it would go" in run("plan", "spring")[1]
    assert run("resume", "spring")[0] == 0
    for verb, state in (("pause", "paused"), ("resume", "scheduled"), ("reopen", "draft")):
        assert asked(run, verb, "spring")[1]["campaign"]["state"] == state


def test_a_stop_is_never_accepted(run: Run, listed: None, shop: Path) -> None:
    bare = "---\nsubject: Hello\n---\n<p>No way out.</p>\n"
    (shop / "templates/bare.html").write_text(bare, encoding="utf-8")
    assert run("create", "bare", "--template", "bare", "--list", "people")[0] == 0
    status, told = asked(run, "send", "bare", "--yes")
    assert status == 2
    assert "cannot be sent" in told["error"]["sentence"]


def test_resend_asks_what(run: Run, made: None) -> None:
    assert "--failed" in run("resend", "spring")[2]


def test_status_names_every_campaign_and_state(run: Run, made: None) -> None:
    status, told = asked(run, "status")
    assert status == 0
    [campaign] = told["campaigns"]
    assert {"name", "state", "rows", "left_out", "messages", "starts", "trouble", "waiting", "rate"} <= set(campaign)
    assert {"queued", "leased", "accepted", "rejected", "uncertain"} <= set(campaign["messages"])


def test_suppressions_are_added_listed_carried_and_lifted(run: Run, shop: Path) -> None:
    assert asked(run, "suppress", "add", "Ada@Example.com", "@example.net")[1]["added"] == 2
    assert len(asked(run, "suppress", "list")[1]["suppressions"]) == 2
    assert asked(run, "suppress", "export", "out.csv") == (0, {"file": "out.csv", "written": 2})
    assert asked(run, "suppress", "remove", "ada@example.com")[1] == {"removed": 1}
    assert asked(run, "suppress", "import", "out.csv")[1]["added"] == 1
    assert "ada@example.com" in run("suppress", "list")[1]


def test_a_line_without_an_address_needs_a_person(run: Run, shop: Path) -> None:
    (shop / "gone.txt").write_text("ada@example.com\nbob at example\n", encoding="utf-8")
    assert run("suppress", "import", "gone.txt", "--reason", "unsubscribe")[0] == 1


def test_the_history_names_who_it_was(run: Run, shop: Path) -> None:
    assert run("suppress", "add", "ada@example.com", "--as", "grace")[0] == 0
    assert asked(run, "suppress", "list")[1]["suppressions"][0]["who"] == "grace"


def test_nothing_is_uncertain_in_a_fresh_workspace(run: Run) -> None:
    assert asked(run, "uncertain", "list") == (0, {"uncertain": []})


def test_a_current_database_needs_no_upgrade(run: Run) -> None:
    status, told = asked(run, "upgrade")
    assert status == 0
    assert told["schema"]["before"] == told["schema"]["after"]
    assert "up to date" in run("upgrade")[1]


def test_init_makes_a_workspace_and_says_what_is_next(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("init", str(tmp_path / "new"), "--relay", "gmail")
    assert status == 0
    assert "mergecast import people.csv" in out
    assert (tmp_path / "new/secrets.toml").stat().st_mode & 0o777 == 0o600


def test_what_init_gives_works_at_once(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("init", str(tmp_path / "new"))[0] == 0
    monkeypatch.chdir(tmp_path / "new")
    assert run("import", "people.csv", "--list", "people")[0] == 0
    assert run("create", "first", "--template", "invitation", "--list", "people")[0] == 0
    status, told = asked(run, "send", "first", "--yes")
    assert (status, told["left_out"]) == (0, 0)
    assert told["queued"] > 0


def test_init_knows_its_relays(run: Run, tmp_path: Path) -> None:
    status, told = asked(run, "init", str(tmp_path / "new"), "--relay", "pigeon")
    assert status == 2
    assert "office365" in told["error"]["remedy"]
    assert not (tmp_path / "new").exists()


def test_a_preview_without_a_mail_needs_a_person(run: Run, shop: Path, listed: None) -> None:
    (shop / "templates/hello.md").write_text("---\nsubject: Hello\n---\nHi {{ nobody }}\n", encoding="utf-8")
    status, out, _ = run("preview", "hello", "--list", "people")
    assert status == 1
    assert "There is no merge field “nobody”." in out


def test_a_proof_does_not_wait_for_the_start(run: Run, made: None) -> None:
    assert run("check", "spring")[0] in (0, 1)
    status, out, _ = run("proof", "spring", "--to", "you@example.com")
    assert status == 0
    assert "Starts at once." in out


def test_a_row_is_a_number(run: Run, listed: None) -> None:
    status, _, err = run("preview", "hello", "--list", "people", "--row", "two")
    assert status == 2
    assert "'two' is no row: write its number." in err


def test_all_that_stops_is_said_at_once(run: Run, shop: Path, made: None) -> None:
    letter = "---\nsubject: Hello\nfrom: eve@example.net\n---\nHi {{ nobody }}\n"
    (shop / "templates/hello.md").write_text(letter, encoding="utf-8")
    status, _, err = run("send", "spring", "--yes")
    assert status == 2
    assert "eve@example.net is not among the senders" in err
    assert "There is no merge field “nobody”." in err
