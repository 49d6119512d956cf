import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.cli.campaign import say_campaign, say_check
from campaigns.cli.lists import say_import
from campaigns.cli.outcome import say_report, say_status
from campaigns.cli.say import rehearsal, say_queued, when
from campaigns.cli.show import Bar, Screen, counted, harmless, say_findings

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
STARTS = {"at": "2026-12-01T08:00:00+00:00", "wall": "2026-12-01T09:00", "zone": "Europe/Berlin"}
AT_ONCE = {"at": None, "wall": "", "zone": "Europe/Berlin"}


class Paper:
    """A screen whose lines can be read."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.screen = Screen(self.stream)

    def __str__(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def paper() -> Paper:
    return Paper()


def finding(severity: str = "warns", **changed: Any) -> dict[str, Any]:
    found = {
        "code": "empty_field",
        "severity": severity,
        "sentence": "first_name is empty.",
        "remedy": "Give it a default.",
        "where": "welcome.md, line 3",
        "rows": 3,
        "first_rows": [2, 7, 9],
    }
    return found | changed


def queued(**changed: Any) -> dict[str, Any]:
    told = {
        "campaign": "spring",
        "state": "scheduled",
        "starts": STARTS,
        "transport": "relay",
        "leaves": True,
        "audience": None,
        "series": None,
        "occurrence": None,
        "queued": 812,
        "left_out": 4,
        "worker_running": False,
    }
    return told | changed


@given(st.text())
def test_harmless_text_holds_no_control_and_no_override(text: str) -> None:
    said = harmless(text)
    assert len(said) == len(text)
    assert not any((ord(c) < 32 and c not in "\t\n") or 127 <= ord(c) < 160 for c in said)
    assert not any(c in said for c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_numbers_have_their_word_and_thousands() -> None:
    assert [counted(n, "row") for n in (0, 1, 1204)] == ["0 rows", "1 row", "1,204 rows"]


def test_a_long_sentence_is_not_broken(paper: Paper) -> None:
    paper.screen.say("/a/very/long/path" * 30)
    assert str(paper).count("\n") == 1


def test_a_table_keeps_foreign_brackets(paper: Paper) -> None:
    paper.screen.table(("name",), [("[bold]x[/bold]",), ("[/]",)])
    assert "[bold]x[/bold]" in str(paper)
    assert "[/]" in str(paper)


def test_findings_begin_with_what_stops(paper: Paper) -> None:
    say_findings(paper.screen, [finding("warns"), finding("leaves_out"), finding("stops")])
    words = [line.split("first_name")[0].strip() for line in str(paper).splitlines() if "first_name" in line]
    assert words == ["stops", "leaves out", "warns"]


def test_a_finding_names_its_place_its_first_rows_and_the_remedy(paper: Paper) -> None:
    say_findings(paper.screen, [finding(rows=9)])
    assert "welcome.md, line 3" in str(paper)
    assert "9 rows: 2, 7, 9, ..." in str(paper)
    assert "Give it a default." in str(paper)


def test_a_finding_of_the_whole_campaign_counts_no_rows(paper: Paper) -> None:
    say_findings(paper.screen, [finding(rows=0, first_rows=[])])
    assert "rows" not in str(paper)


def test_a_start_is_said_with_weekday_zone_and_distance() -> None:
    assert when(STARTS, NOW) == "Tuesday 1 December 2026, 09:00 Europe/Berlin, in 7 days 12 hours"


def test_a_start_that_is_now_is_at_once() -> None:
    assert when(AT_ONCE, NOW) == "at once"
    assert when({**AT_ONCE, "at": "2026-11-23T19:59:00+00:00"}, NOW) == "at once"


def test_a_wish_that_is_not_queued_is_said_as_it_was_typed() -> None:
    assert when({**STARTS, "at": None}, NOW) == "2026-12-01 09:00 Europe/Berlin"


def test_a_rehearsal_says_that_nobody_received_anything() -> None:
    assert rehearsal(812, "mail/", "spring") == (
        "Rehearsal: 812 mails written to mail/. Nobody has received anything. "
        "To send for real: set up a transport, then `mergecast send spring --transport relay`."
    )


def test_sending_ends_with_how_many_through_what_and_when(paper: Paper) -> None:
    say_queued(paper.screen, queued(worker_running=True))
    assert "812 mails queued through relay; 4 rows left out." in str(paper)
    assert "Tuesday 1 December 2026, 09:00 Europe/Berlin" in str(paper)
    assert "No worker" not in str(paper)


def test_without_a_worker_it_is_said_what_is_missing(paper: Paper) -> None:
    say_queued(paper.screen, queued())
    assert "No worker is running: nothing leaves until `mergecast run` runs on a computer that is awake." in str(paper)


def test_a_queued_rehearsal_is_no_sending(paper: Paper) -> None:
    say_queued(paper.screen, queued(transport="local", leaves=False))
    assert "as a rehearsal" in str(paper)


def test_an_import_shows_how_headers_became_fields(paper: Paper) -> None:
    say_import(
        paper.screen,
        {
            "list": "people",
            "sheet": 2,
            "rows": 9,
            "good": 8,
            "left_out": 1,
            "joined": 0,
            "columns": [
                {
                    "header": "Vorname",
                    "field": "vorname",
                    "kind": "text",
                    "empty": 3,
                    "role": "first_name",
                    "why": "name",
                }
            ],
            "changes": {"new": 1, "changed": 2, "gone": 3},
            "first_changes": {
                "new": [{"row": 4, "address": "new@example.org", "fields": []}],
                "changed": [{"row": 7, "address": "bob@example.net", "fields": ["city"]}],
                "gone": [],
            },
            "findings": [finding()],
        },
    )
    assert "9 rows into list people (sheet 2): 8 good, 1 left out." in str(paper)
    assert re.search("Vorname +vorname +text +first name +by its name +3", str(paper))
    assert "1 new, 2 changed, 3 gone" in str(paper)
    assert "row 7  bob@example.net: city" in str(paper)
    assert "and 1 row more" in str(paper)


def test_a_check_says_what_is_ready(paper: Paper) -> None:
    told = {"campaign": "spring", "rows": 9, "ready": 8, "left_out": 1, "shapes": 2, "findings": [finding("stops")]}
    say_check(paper.screen, told)
    assert "spring: 9 rows, 8 ready, 1 left out (2 shapes)." in str(paper)


def test_a_paused_campaign_says_why(paper: Paper) -> None:
    campaign = {
        "name": "spring",
        "state": "paused",
        "reason": "late",
        "list": "people",
        "sheet": 1,
        "template": "templates/welcome.md",
        "version": None,
        "transport": "local",
        "leaves": False,
        "starts": STARTS,
        "throttles": ["20/s"],
        "windows": [],
        "holidays": "",
        "times": None,
        "pause_above": "",
        "canary": None,
        "audience": None,
        "series": None,
        "occurrence": None,
    }
    say_campaign(paper.screen, {"campaign": campaign})
    assert "spring: paused (late)" in str(paper)
    assert "at most 20/s" in str(paper)


def test_status_shows_only_states_that_have_messages_and_every_trouble(paper: Paper) -> None:
    campaign = {
        "name": "spring",
        "state": "sending",
        "reason": "",
        "rows": 1300,
        "left_out": 12,
        "messages": {"queued": 0, "accepted": 1204, "uncertain": 1},
        "starts": AT_ONCE,
        "transport": "relay",
        "leaves": True,
        "audience": None,
        "series": None,
        "occurrence": None,
        "rate": 20.5,
        "waiting": None,
        "waits": [{"for": "gmail.com, 20/min", "until": None}],
        "slowed": [],
        "connections": None,
        "ends": None,
        "canary": None,
        "trouble": ["1 message was handed over and never answered."],
        "approval": {"who": "bea", "at": "2026-11-23T19:59:59+00:00", "note": "fine", "changed": []},
    }
    worker = {"host": "ada-pc", "pid": 7, "version": "0.1.0", "beat_at": "2026-11-23T19:59:59+00:00"}
    say_status(paper.screen, {"worker": worker, "held": None, "outages": [], "warm_ups": [], "campaigns": [campaign]})
    assert "1,204 accepted, 1 uncertain" in str(paper)
    assert "0 queued" not in str(paper)
    assert "20.5/s" in str(paper)
    assert "spring waits for gmail.com, 20/min; other mail goes on." in str(paper)
    assert "never answered" in str(paper)
    assert "spring: Approved by bea" in str(paper)
    assert "ada-pc" in str(paper)


def test_a_report_adds_up_in_words(paper: Paper) -> None:
    left_out, messages = {"duplicate": 2, "rejected": 1}, {"accepted": 6, "queued": 0}
    say_report(
        paper.screen,
        {
            "campaign": "spring",
            "rows": 9,
            "left_out": left_out,
            "messages": messages,
            "adds_up": True,
            "last": None,
            "pruned_at": None,
        },
    )
    assert "9 rows = 3 left out + 6 mails." in str(paper)


def test_a_stopped_bar_stays_away(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar("Checking")
    bar(1, 10)
    bar.stop()
    capsys.readouterr()
    bar(5, 10)
    assert capsys.readouterr().err == ""
