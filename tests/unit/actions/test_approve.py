from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campaigns.actions import steer
from campaigns.actions.approve import approve
from campaigns.actions.check import check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.proof import proof
from campaigns.actions.send import send
from campaigns.actions.status import status
from campaigns.errors import CampaignError
from campaigns.model.states import CampaignState
from campaigns.store import campaigns
from tests.doubles.desks import history_of
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import (
    LETTER,
    PEOPLE,
    RELAY,
    SENDER,
    import_lines,
    new_desk,
    with_settings,
    write_template,
    yes,
)

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
ASKS = {"approval_from": 3}
TODAY = LETTER.replace("Dear", "{{ today|date }} Dear")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = new_desk(tmp_path, StandingClock(), **ASKS)
    write_template(desk)
    import_lines(desk)
    yield desk
    desk.store.close()


def make(desk: Desk, **more: Any) -> None:
    asked = {"template": "letter", "list_name": "people", "transport": "relay", "at": "tomorrow 09:00", **more}
    create(desk, "spring", replace=True, **asked)


def approved(desk: Desk, **more: Any) -> None:
    make(desk, **more)
    approve(desk, "spring")


def queue(desk: Desk, **more: Any) -> None:
    send(desk, "spring", confirm=yes, again=True, **more)


def told(desk: Desk) -> dict[str, Any]:
    (one,) = status(desk, "spring").as_json()["campaigns"]
    return one


def state(desk: Desk) -> CampaignState:
    with desk.store.read() as conn:
        found = campaigns.find(conn, "spring")
    assert found is not None
    return found.state


def test_an_approved_campaign_is_queued(desk: Desk) -> None:
    make(desk)
    with pytest.raises(CampaignError, match="spring needs an approval: it is 3 mails"):
        queue(desk)
    assert state(desk) is CampaignState.CHECKED
    given = approve(desk, "spring", note="fine").as_json()
    assert (given["campaign"]["state"], given["check"]["ready"]) == ("approved", 3)
    assert (given["approval"]["who"], given["approval"]["note"]) == ("ada", "fine")
    assert history_of(desk.store)[-1] == ("ada", "approve", "campaign")
    queue(desk)
    assert state(desk) is CampaignState.SCHEDULED
    assert told(desk)["approval"] == {
        "who": "ada", "at": "2026-11-24T10:00:00+00:00", "note": "fine", "changed": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "transport"),
    [({}, "relay"), ({"approval_from": 4}, "relay"), ({"approval_from": 1}, "local")],
    ids=["not set", "more mails", "rehearsal"],
)
def test_who_needs_no_approval_is_not_asked_for_one(desk: Desk, settings: dict[str, int], transport: str) -> None:
    make(desk, transport=transport)
    queue(with_settings(desk, **settings))
    assert state(desk) is CampaignState.SCHEDULED


def edit_template(desk: Desk) -> Desk:
    write_template(desk, LETTER + "more\n")
    return desk


def import_again(desk: Desk) -> Desk:
    import_lines(desk, (*PEOPLE, "dee@example.org,Dee"))
    return desk


def settings_are(**settings: Any) -> Any:
    return lambda desk: with_settings(desk, **ASKS, **settings)


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        (edit_template, {}, "the template"),
        (import_again, {}, "the sheet"),
        (settings_are(sender={"from": "Eve <eve@mergecast-fair.org>"}), {}, "the sender"),
        (settings_are(sender={"from": SENDER, "reply_to": "a@mergecast-fair.org"}), {}, "where answers go"),
        (settings_are(public_url="https://mail.example.org"), {}, "`public_url`"),
        (settings_are(locale="de_DE"), {}, "the locale"),
        (settings_are(transports={**RELAY, "other": RELAY["relay"]}), {"transport": "other"}, "the transport"),
        (lambda desk: desk, {"at": "Friday 09:00"}, "the start"),
        (lambda desk: import_again(edit_template(desk)), {}, "the sheet and the template"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_whatever_changed_is_named_and_refused(desk: Desk, change: Any, more: dict[str, str], words: str) -> None:
    approved(desk)
    now = change(desk)
    with pytest.raises(CampaignError) as refused:
        queue(now, **more)
    assert refused.value.sentence == (
        f"spring cannot be sent: {words} changed since ada approved it on Tuesday 24 November 2026, 10:00."
    )
    assert "mergecast approve spring" in refused.value.remedy


def test_a_change_is_approved_with_the_options_of_send(desk: Desk) -> None:
    approved(desk, transport="local")
    more = {"transport": "relay", "at": "Friday 09:00"}
    with pytest.raises(CampaignError, match="the transport and the start changed"):
        queue(desk, **more)
    assert approve(desk, "spring", **more).as_json()["campaign"]["transport"] == "relay"
    queue(desk)
    assert (told(desk)["transport"], told(desk)["starts"]["wall"]) == ("relay", "2026-11-27T09:00")


@pytest.mark.parametrize(
    "more", [{"throttles": ["20/s"]}, {"transactional": True}, {}], ids=["throttle", "kind", "same"]
)
def test_a_campaign_that_is_made_anew_needs_a_new_approval(desk: Desk, more: dict[str, Any]) -> None:
    approved(desk)
    make(desk, **more)
    assert told(desk)["approval"] is None
    with pytest.raises(CampaignError, match="ada approved it"):
        queue(desk)


def test_what_is_changed_and_changed_back_is_approved_unless_somebody_saw_the_change(desk: Desk) -> None:
    approved(desk)
    edit_template(desk)
    assert (told(desk)["state"], told(desk)["approval"]["changed"]) == ("checked", ["the template"])
    write_template(desk)
    assert (told(desk)["state"], told(desk)["approval"]["changed"]) == ("approved", [])
    edit_template(desk)
    check(desk, "spring")
    write_template(desk)
    check(desk, "spring")
    assert (told(desk)["state"], told(desk)["approval"]) == ("checked", None)
    with pytest.raises(CampaignError, match="which took that back"):
        queue(desk)


def test_a_check_that_finds_nothing_new_keeps_the_approval(desk: Desk) -> None:
    approved(desk)
    check(desk, "spring")
    proof(desk, "spring", "me@example.net")
    assert state(desk) is CampaignState.APPROVED
    queue(desk)


def test_a_template_that_is_gone_takes_the_approval_back(desk: Desk) -> None:
    approved(desk)
    (desk.workspace.templates / "letter.html").unlink()
    assert told(desk)["state"] == "checked"
    assert "the template" in told(desk)["approval"]["changed"]


def test_a_queued_campaign_keeps_the_start_that_was_approved(desk: Desk) -> None:
    approved(desk)
    queue(desk)
    edit_template(desk)  # harmless: what is queued is frozen
    for at in ("now", "Friday 09:00"):
        with pytest.raises(CampaignError, match="spring cannot be moved: the start changed since ada") as refused:
            queue(desk, at=at)
    assert "mergecast reopen spring" in refused.value.remedy
    queue(desk, at="tomorrow 09:00")
    with pytest.raises(CampaignError, match="nothing left to approve"):
        approve(desk, "spring")


def test_moving_a_start_that_needs_no_approval_takes_it_back(desk: Desk) -> None:
    free = with_settings(desk)
    approved(free)
    queue(free)
    queue(free, at="Friday 09:00")
    assert told(free)["approval"] is None


def test_a_start_that_moves_a_printed_date_is_refused_before_anything_is_taken_back(desk: Desk) -> None:
    write_template(desk, TODAY)
    approved(desk)
    queue(desk)
    with pytest.raises(CampaignError, match="the start changed"):
        queue(desk, at="Friday 09:00")
    assert state(desk) is CampaignState.SCHEDULED


def test_a_reopened_campaign_is_approved_again_by_a_check_that_finds_it_unchanged(desk: Desk) -> None:
    approved(desk)
    queue(desk)
    steer.reopen(desk, "spring")
    assert state(desk) is CampaignState.DRAFT
    check(desk, "spring")
    assert state(desk) is CampaignState.APPROVED


def test_sending_otherwise_than_approved_takes_it_back_where_none_is_needed(desk: Desk) -> None:
    free = with_settings(desk)
    approved(free)
    queue(free, transport="local")
    assert told(free)["approval"] is None


def test_what_a_finding_stops_cannot_be_approved(desk: Desk) -> None:
    make(desk)
    with pytest.raises(CampaignError, match="spring cannot be sent"):
        approve(with_settings(desk, **ASKS, sender={}), "spring")
    assert told(desk)["approval"] is None


def test_nobody_approves_what_changed_while_it_was_checked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from campaigns.actions import approve as module

    seen = module.checked_now

    def slow(*args: Any) -> Any:
        found = seen(*args)
        edit_template(desk)
        check(desk, "spring")
        return found

    make(desk)
    monkeypatch.setattr(module, "checked_now", slow)
    with pytest.raises(CampaignError, match="was changed meanwhile"):
        approve(desk, "spring")
    assert state(desk) is CampaignState.CHECKED


def test_another_picture_under_the_same_name_takes_the_approval_back(desk: Desk) -> None:
    picture = desk.workspace.templates / "kiln.gif"
    picture.write_bytes(GIF)
    write_template(desk, LETTER.replace("<p>", '<p><img src="kiln.gif" alt="The kiln">', 1))
    approved(desk)
    check(desk, "spring")
    assert state(desk) is CampaignState.APPROVED
    picture.write_bytes(GIF.replace(b"\x00\x00\x00", b"\x00\x00\x01", 1))
    check(desk, "spring")
    assert state(desk) is CampaignState.CHECKED
    with pytest.raises(CampaignError, match="a picture changed since ada"):
        queue(desk)
    approve(desk, "spring")
    write_template(desk)
    assert told(desk)["approval"]["changed"] == ["the template"]
