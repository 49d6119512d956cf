"""Routes at check, approval, send and status: mails are fit for each way that they may take, and people see which."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from campaigns.actions import status
from campaigns.actions.approve import approve
from campaigns.actions.check import CheckResult, check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.send import send
from campaigns.actions.times import Times
from campaigns.cli.send import _question
from campaigns.clock import to_micros
from campaigns.errors import CampaignError, WindowError
from campaigns.model.states import CampaignState, MessageState
from campaigns.store import campaigns, tables, workers
from tests.doubles.workspaces import RELAY, codes, import_lines, new_desk, with_settings, write_template, yes

OUTLOOK = {"routes": [{"through": "cloud", "domains": "outlook.com"}]}
FALLBACK = {"transports": {**RELAY, "relay": {**RELAY["relay"], "fallback": "cloud"}}}
PEOPLE = ("email,first_name", "ada@example.org,Ada", "bob@hotmail.com,Bob", "cy@outlook.com,Cy <%")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = new_desk(tmp_path)
    write_template(desk)
    import_lines(desk, PEOPLE)
    create(desk, "spring", template="letter", list_name="people", transport="relay")
    yield desk
    desk.store.close()


def frozen(desk: Desk) -> campaigns.Campaign:
    with desk.store.read() as conn:
        found = campaigns.find(conn, "spring")
        assert found is not None
        return found


@pytest.mark.parametrize(
    ("given", "found", "kinds"),
    [
        ({}, {}, "smtp"),
        (OUTLOOK, {"sendgrid_tag": 1}, "sendgrid smtp"),
        (FALLBACK, {"sendgrid_tag": 1}, "sendgrid smtp"),
    ],
)
def test_mails_are_checked_for_each_way_that_they_may_take(
    desk: Desk, given: dict[str, Any], found: dict[str, int], kinds: str
) -> None:
    desk = with_settings(desk, **given)
    tags = {code: rows for code, rows in codes(check(desk, "spring")).items() if code == "sendgrid_tag"}
    assert tags == found
    send(desk, "spring", confirm=yes)
    assert frozen(desk).checked_for == kinds


def test_the_question_says_what_goes_where_even_for_a_route_that_is_newer_than_the_check(desk: Desk) -> None:
    check(desk, "spring")
    asked: list[CheckResult] = []
    desk = with_settings(desk, routes=[{"through": "relay", "domains": ["example.org"], "senders": "example.net"}])
    with pytest.raises(CampaignError, match="nobody said yes"):
        send(desk, "spring", confirm=lambda found: bool(asked.append(found)))
    assert _question(asked[-1]) == "Send 3 mails through relay?"
    desk = with_settings(desk, routes=[{"through": "cloud", "domains": ["example.org"]}])
    sent = send(desk, "spring", confirm=lambda found: not asked.append(found))
    assert _question(asked[-1]) == "Send 2 mails: 1 through relay, 1 through cloud (example.org)?"
    assert sent.as_json()["shares"][1] == {"transport": "cloud", "mails": 1, "groups": ["example.org"]}


def test_a_route_that_takes_everything_is_asked_about_by_its_name(desk: Desk) -> None:
    desk = with_settings(desk, routes=[{"through": "cloud", "senders": "mergecast-fair.org"}])
    asked: list[CheckResult] = []
    send(desk, "spring", confirm=lambda found: not asked.append(found))
    assert _question(asked[-1]) == "Send 2 mails through cloud?"
    assert frozen(desk).checked_for == "sendgrid"


def test_windows_of_the_transport_that_a_route_leads_to_hold_for_its_mail(desk: Desk) -> None:
    night = {"relay": RELAY["relay"], "cloud": {**RELAY["cloud"], "window": ["22:00-04:00"]}}
    desk = with_settings(desk, **OUTLOOK, transports=night)
    with pytest.raises(WindowError, match=r"through cloud\. These send windows are never open together"):
        create(
            desk, "spring", template="letter", list_name="people", transport="relay",
            times=Times(windows=["09:00-12:00"]), replace=True,
        )  # fmt: skip
    create(
        desk, "spring", template="letter", list_name="people", transport="relay",
        times=Times(windows=["08:00-23:00"]), replace=True,
    )  # fmt: skip
    assert send(desk, "spring", confirm=yes).opens is None  # through relay some leave at once
    with desk.store.write() as conn:
        campaigns.change_state(conn, frozen(desk).id, CampaignState.SENDING, allowed=[CampaignState.SCHEDULED])
        of_relay = tables.messages.c.lane == 0
        conn.execute(update(tables.messages).where(of_relay).values(state=MessageState.ACCEPTED))
    (told,) = status.status(desk).campaigns
    assert told.waiting is not None
    assert told.waiting.until.hour == 22  # UTC, the zone of the settings


@pytest.mark.parametrize("given", [OUTLOOK, FALLBACK])
def test_a_new_way_takes_an_approval_back(desk: Desk, given: dict[str, Any]) -> None:
    desk = with_settings(desk, approval_from=1)
    approve(desk, "spring")
    with pytest.raises(CampaignError, match="the transport changed since"):
        send(with_settings(desk, approval_from=1, **given), "spring", confirm=yes)


@pytest.mark.parametrize(
    ("checked_for", "said"),
    [
        ("sendgrid smtp", "relay: No answer. Its mail goes through cloud meanwhile."),
        ("smtp", "relay: No answer. Its mail waits: it was not checked for cloud (sendgrid)."),
    ],
)
def test_status_says_the_outage_and_where_the_campaigns_mail_goes(desk: Desk, checked_for: str, said: str) -> None:
    desk = with_settings(desk, **FALLBACK)
    send(desk, "spring", confirm=yes)
    at = to_micros(desk.clock.now())
    trouble = {"transport": "relay", "sentence": "No answer.", "words": "No answer.", "since": at - 60_000_000}
    with desk.store.write() as conn:
        campaigns.update(conn, frozen(desk).id, checked_for=checked_for)
        worker = workers.start(conn, version="0", at=desk.clock.now())
        doing = {
            "troubles": [{**trouble, "again": at, "through": "cloud"}, {"transport": "", "sentence": "Disk full."}]
        }
        workers.beat(conn, worker, at=desk.clock.now(), doing=doing)
    told = status.status(desk).as_json()
    assert told["campaigns"][0]["trouble"] == [said, "Disk full."]
    (outage,) = told["outages"]
    assert (outage["transport"], outage["words"], outage["through"]) == ("relay", "No answer.", "cloud")
    assert outage["since"] < outage["again"]
