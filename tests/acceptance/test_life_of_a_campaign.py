"""The life of campaigns at the command line, from the first sheet to the last mail, through a real mail server."""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.command_line import CommandLine, until
from tests.doubles.folders import asked
from tests.doubles.prepared import LETTER, PEOPLE, prepared, relay
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with serving(SmtpServer()) as server:
        yield server
    assert server.faults == []


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, server: SmtpServer) -> CommandLine:
    """The prepared workspace with a transport `relay` of one connection."""
    return prepared(tmp_path_factory, tmp_path / "shop", relay(server.port, "connections = 1\n"))


def queue(here: CommandLine, *more: str) -> dict[str, Any]:
    return here.json("send", "spring", "--yes", "--transport", "relay", *more)


def mails(server: SmtpServer) -> list[EmailMessage]:
    found = [message_from_bytes(kept.data, policy=default) for kept in server.mails]
    assert all(isinstance(one, EmailMessage) for one in found)
    return found  # type: ignore[return-value]


def people_reached(server: SmtpServer) -> list[str]:
    return [address for kept in server.mails for address in kept.rcpt_to]


def said_in(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_from_the_first_sheet_to_the_last_mail(here: CommandLine, server: SmtpServer) -> None:
    (here.folder / "people.csv").write_text(PEOPLE.replace("Cy,", "Cyrus,") + "new@example.org,New,Rome\n", "utf-8")
    again = here.json("import", "people.csv", "--list", "people", status=1)
    assert again["changes"] == {"new": 1, "changed": 1, "gone": 0}
    here.run("create", "spring", "--template", "letter", "--list", "people", "--transport", "relay", "--replace")
    checked = here.json("check", "spring", status=1)
    assert (checked["rows"], checked["ready"], checked["left_out"]) == (6, 4, 2)
    here.run("proof", "spring", "--to", "me@example.org", "--row", "4")
    here.run("send", "spring", "--yes", "--at", "tomorrow 09:00")
    here.run("reopen", "spring")
    assert here.json("status", "spring", status=1)["campaigns"][0]["state"] == "draft"  # 1: the proof waits
    sent = here.json("send", "spring", "--yes", "--at", "now")
    assert (sent["queued"], sent["left_out"]) == (4, 2)

    (here.folder / "templates" / "letter.md").write_text(LETTER.replace("Dear", "DRAFT"), encoding="utf-8")
    (here.folder / "people.csv").write_text("email,first_name,city\n", encoding="utf-8")
    stopped = here.json("suppress", "add", "bob@example.net")
    assert stopped["stopped"] == 1
    here.run("run", "--until-idle")

    assert people_reached(server)[0] == "me@example.org"
    assert sorted(people_reached(server)[1:]) == ["ada@example.org", "cy@example.com", "new@example.org"]
    got = mails(server)
    assert str(got[0]["Subject"]) == "Hello Cyrus"
    assert all("Dear" in said_in(mail) and "DRAFT" not in said_in(mail) for mail in got)
    report = here.json("report", "spring")
    assert report["left_out"] == {"rejected": 1, "duplicate": 1}
    assert (report["rows"], report["messages"]["accepted"], report["messages"]["suppressed"]) == (6, 3, 1)
    assert report["adds_up"] is True


def test_a_proof_of_a_queued_campaign_is_as_queued_goes_first_and_is_not_counted(
    here: CommandLine, server: SmtpServer
) -> None:
    queue(here)
    (here.folder / "templates" / "letter.md").write_text(LETTER.replace("Dear", "DRAFT"), encoding="utf-8")
    here.run("proof", "spring", "--to", "me@example.org", "--row", "3")
    here.run("run", "--until-idle")
    assert people_reached(server)[0] == "me@example.org"
    assert said_in(mails(server)[0]).startswith("Dear Bob of Ulm.")
    report = here.json("report", "spring")
    assert (report["messages"]["accepted"], report["adds_up"]) == (3, True)
    assert len(server.mails) == 4


def test_a_suppressed_person_gets_no_proof_either(here: CommandLine, server: SmtpServer) -> None:
    here.run("suppress", "add", "@example.org")
    assert "suppressed" in here.run("proof", "spring", "--to", "me@example.org", status=2).err
    assert queue(here)["queued"] == 2


def test_people_suppressed_while_the_check_is_old_are_left_out_at_queueing(
    here: CommandLine, server: SmtpServer
) -> None:
    assert here.json("check", "spring", status=1)["ready"] == 3
    here.run("suppress", "add", "ada@example.org")
    queue(here)
    here.run("run", "--until-idle")
    assert sorted(people_reached(server)) == ["bob@example.net", "cy@example.com"]
    assert here.json("report", "spring")["adds_up"] is True


def test_what_was_rejected_is_sent_again_when_asked(here: CommandLine, server: SmtpServer) -> None:
    server.answer = lambda command, argument: (
        "550 5.1.1 No such person" if (command, argument) == ("RCPT", "bob@example.net") else None
    )
    queue(here)
    here.run("run", "--until-idle")
    before = here.json("report", "spring", "--rows", "rows.csv")
    assert (before["messages"]["accepted"], before["messages"]["rejected"], before["adds_up"]) == (2, 1, True)
    assert "No such person" in (here.folder / "rows.csv").read_text(encoding="utf-8-sig")
    server.answer = lambda command, argument: None
    again = here.json("resend", "spring", "--failed")
    assert (again["queued"], again["state"]) == (1, "sending")
    here.run("run", "--until-idle")
    assert sorted(people_reached(server)) == ["ada@example.org", "bob@example.net", "cy@example.com"]
    after = here.json("report", "spring")
    assert (after["messages"]["accepted"], after["messages"]["rejected"], after["adds_up"]) == (3, 0, True)
    assert "Nothing of spring was rejected" in here.run("resend", "spring", "--failed", status=2).err


def test_what_nobody_answered_is_uncertain_until_a_person_says(here: CommandLine, server: SmtpServer) -> None:
    lost = {"ada@example.org", "bob@example.net"}
    server.answer = lambda command, argument: "cut" if command == "." and argument in lost else None
    queue(here)
    here.run("run", "--until-idle")
    status = here.json("status", "spring", status=1)
    assert status["campaigns"][0]["messages"]["uncertain"] == 2
    assert "uncertain list" in status["campaigns"][0]["trouble"][0]
    listed = here.json("uncertain", "list", "spring")["uncertain"]
    assert {one["to"]: one["row"] for one in listed} == {"ada@example.org": 2, "bob@example.net": 3}

    handles = {one["to"]: one["message"] for one in listed}
    assert here.json("uncertain", "confirm", handles["ada@example.org"]) == {"confirmed": 1}
    server.answer = lambda command, argument: None
    here.run("run", "--until-idle")
    assert people_reached(server) == ["cy@example.com"]  # never by itself
    assert here.json("uncertain", "resend", "spring") == {"queued": 1}
    here.run("run", "--until-idle")
    assert people_reached(server) == ["cy@example.com", "bob@example.net"]
    assert here.json("uncertain", "list") == {"uncertain": []}
    assert here.json("status", "spring")["campaigns"][0]["messages"]["accepted"] == 3


def test_the_wrong_enter_key_is_caught_for_send_and_for_merge(here: CommandLine, server: SmtpServer) -> None:
    queue(here)
    here.run("create", "twin", "--template", "letter", "--list", "people", "--transport", "relay")
    waiting = here.run("send", "twin", "--yes", status=2)
    assert "This mail is queued for 3 people already, as spring" in waiting.err
    here.run("run", "--until-idle")
    assert "spring has been sent" in here.run("send", "spring", "--yes", status=2).err
    again = here.run("send", "twin", "--yes", status=2)
    assert "This mail went to 3 people on " in again.err
    assert again.err.splitlines()[-1] == "To send it again: `--again`."
    merged = here.run("merge", "people.csv", "letter", "--list", "people", "--transport", "relay", "--yes", status=2)
    assert "This mail went to 3 people on " in merged.err
    assert len(server.mails) == 3
    here.run("merge", "people.csv", "letter", "--list", "people", "--transport", "relay", "--yes", "--again")
    assert len(server.mails) == 6
    assert len(people_reached(server)) == 6


def test_a_rehearsal_counts_for_nothing(here: CommandLine, server: SmtpServer) -> None:
    for _ in range(2):
        here.run("send", "spring", "--yes")
        here.run("run", "--until-idle")
    assert queue(here)["leaves"] is True
    here.run("run", "--until-idle")
    assert len(server.mails) == 3
    assert len(list((here.folder / "mail" / "new").iterdir())) == 6


def test_a_campaign_that_would_be_cancelled_leaves_nothing(here: CommandLine, server: SmtpServer) -> None:
    queue(here)
    here.run("cancel", "spring")
    here.run("run", "--until-idle")
    assert server.mails == []
    report = here.json("report", "spring")
    assert (report["messages"]["cancelled"], report["adds_up"]) == (3, True)
    for verb in ("resume", "reopen", "pause", "cancel"):
        assert "spring is cancelled" in here.run(verb, "spring", status=2).err
    assert "spring is cancelled" in here.run("send", "spring", "--yes", status=2).err


def test_a_campaign_of_which_mail_has_left_is_not_reopened(here: CommandLine, server: SmtpServer) -> None:
    server.answer = lambda command, argument: (
        "452 4.2.2 Later" if (command, argument) == ("RCPT", "bob@example.net") else None
    )
    queue(here)
    with here.running("run") as worker:
        until(lambda: len(server.mails) == 2)
        here.run("pause", "spring")
        worker.terminate()
    assert "left already" in here.run("reopen", "spring", status=2).err
    (told,) = here.json("status", "spring")["campaigns"]
    assert (told["state"], told["reason"], told["messages"]["queued"]) == ("paused", "person", 1)
    outcome = asked(here.folder / "mergecast.db", "SELECT outcome, code, text FROM attempts")
    assert outcome == [("deferred", "452 4.2.2", "4.2.2 Later")]


def test_moving_a_start_moves_it_and_nothing_else(here: CommandLine, server: SmtpServer) -> None:
    first = queue(here, "--at", "2099-12-01 09:00")
    moved = here.json("send", "spring", "--at", "2099-12-24 09:00", "--yes")
    assert (first["starts"]["wall"], moved["starts"]["wall"]) == ("2099-12-01T09:00", "2099-12-24T09:00")
    assert (moved["state"], moved["queued"]) == ("scheduled", 3)
    assert "scheduled already" in here.run("send", "spring", "--yes", status=2).err
    assert here.json("run", "--until-idle")["messages"] == {}
    assert "in the past" in here.run("send", "spring", "--at", "2020-01-01 09:00", "--yes", status=2).err
    assert here.json("status", "spring")["campaigns"][0]["starts"]["wall"] == "2099-12-24T09:00"
