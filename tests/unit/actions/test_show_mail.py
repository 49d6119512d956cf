from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from campaigns.actions.check import check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.proof import proof
from campaigns.actions.send import send
from campaigns.actions.show import Shown, bytes_of, show
from campaigns.clock import to_micros
from campaigns.errors import CampaignError, UsageError
from campaigns.model.states import MessageState
from campaigns.store import tables
from tests.doubles.desks import message_ids, put
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import LETTER, import_lines, new_desk, with_settings, write_template, yes

CLOCK = StandingClock()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = new_desk(tmp_path, CLOCK)
    write_template(desk)
    import_lines(desk, ("email,first_name", "ada@example.org,Ada", "bob@example.net,Bob", "nobody,Cy"))
    yield desk
    desk.store.close()


def queue(desk: Desk, transport: str = "relay") -> None:
    create(desk, "spring", template="letter", list_name="people", transport=transport)
    send(desk, "spring", at="tomorrow 09:00", confirm=yes)


def left(desk: Desk, *states: MessageState, transport: str = "relay", words: str = "") -> Shown:
    """The first mail, after it was handed over."""
    queue(desk, transport)
    put(desk.store, 1, list(states), CLOCK, words=words)
    return show(desk, campaign="spring", row=2)


def test_a_mail_is_named_by_handle_message_id_address_or_row(desk: Desk) -> None:
    shown = left(desk, MessageState.ACCEPTED)
    told = shown.as_json()
    for which in (told["message"], told["message_id"], told["message"].upper(), f" {told['message_id']} "):
        assert show(desk, which).as_json() == told
    assert show(desk, campaign="spring", to="Ada@Example.org").as_json() == told
    assert (told["row"], told["to"], told["from"]) == (2, "ada@example.org", "Ada <ada@mergecast-fair.org>")
    assert (told["subject"], told["state"], told["note"]) == ("Hello Ada", "accepted", "")
    assert (told["template"], told["version"]) == ("templates/letter.html", 1)


def test_the_date_is_the_instant_at_which_it_was_handed_over(desk: Desk) -> None:
    mail = bytes_of(left(desk, MessageState.ACCEPTED))
    assert b"\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n" in mail
    assert mail.endswith(b"\r\n")


def test_a_rehearsal_s_bytes_are_its_file_s(desk: Desk) -> None:
    assert b"\r" not in bytes_of(left(desk, MessageState.ACCEPTED, transport="local"))


def test_sendgrid_made_the_bytes_itself(desk: Desk) -> None:
    shown = left(desk, MessageState.ACCEPTED, transport="cloud")
    assert "SendGrid made the bytes" in shown.note
    assert b"Hello Ada" in bytes_of(shown)


def test_a_transport_that_is_gone_from_the_settings_is_said(desk: Desk) -> None:
    left(desk, MessageState.ACCEPTED)
    shown = show(with_settings(desk, transports={}), campaign="spring", row=2)
    assert "relay, is not in the settings any more" in shown.note
    assert b"Hello Ada" in bytes_of(shown)


def test_what_a_server_said_is_told_try_by_try(desk: Desk) -> None:
    told = left(desk, MessageState.REJECTED, words="no such user").as_json()
    assert "refused it" in told["note"]
    assert [(one["outcome"], one["code"], one["text"]) for one in told["tries"]] == [
        ("rejected", "550", "no such user")
    ]


@pytest.mark.parametrize("as_draft", [True, False])
def test_a_mail_that_has_not_left_has_content_and_no_bytes(desk: Desk, as_draft: bool) -> None:
    create(desk, "spring", template="letter", list_name="people", transport="relay")
    if as_draft:
        check(desk, "spring")
    else:
        send(desk, "spring", at="tomorrow 09:00", confirm=yes)
    shown = show(desk, campaign="spring", row=3)
    assert (shown.as_json()["state"], shown.as_json()["subject"]) == ("staged" if as_draft else "queued", "Hello Bob")
    with pytest.raises(CampaignError, match="it has not left") as refused:
        bytes_of(shown)
    assert "mergecast show" in refused.value.remedy


@pytest.mark.parametrize("gone", [delete(tables.shapes), update(tables.messages).values(slots=None)])
def test_what_was_pruned_is_said(desk: Desk, gone: object) -> None:
    left(desk, MessageState.ACCEPTED)
    with desk.store.write() as conn:
        conn.execute(gone)  # type: ignore[call-overload]
    shown = show(desk, campaign="spring", row=2)
    assert (shown.as_json()["subject"], shown.note) == (None, "Its content is not kept any more.")
    with pytest.raises(CampaignError, match="its content is not kept any more"):
        bytes_of(shown)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"campaign": "spring", "row": 4}, "Row 4 of spring got no mail: "),
        ({"campaign": "spring", "row": 99}, "spring has no mail of row 99"),
        ({"campaign": "spring", "to": "eve@example.org"}, "No mail of spring is for eve@example.org"),
        ({"campaign": "spring", "to": "nobody"}, "@"),
        ({"campaign": "spring"}, "Which message"),
        ({"to": "ada@example.org"}, "Which message"),
        ({"campaign": "spring", "to": "ada@example.org", "row": 2}, "Which message"),
        ({"which": "Ada"}, "'Ada' names no message"),
        ({"which": "1.0000000000000000"}, "There is no message 1.0000000000000000"),
        ({"which": "ffffffffffffffff.0000000000000000"}, "names no message"),
    ],
)
def test_a_mail_that_is_not_there_is_refused_with_the_reason(desk: Desk, asked: dict[str, object], words: str) -> None:
    queue(desk)
    with pytest.raises(UsageError, match=words):
        show(desk, **asked)  # type: ignore[arg-type]


def test_a_campaign_that_was_never_checked_has_no_mails(desk: Desk) -> None:
    create(desk, "spring", template="letter", list_name="people")
    with pytest.raises(UsageError, match="was never checked"):
        show(desk, campaign="spring", row=2)


def test_a_proof_is_shown_with_the_sender_and_the_words_that_it_left_with(desk: Desk) -> None:
    create(desk, "spring", template="letter", list_name="people", transport="relay")
    proof(desk, "spring", "me@example.net")
    (message_id,) = message_ids(desk.store, 1)
    with desk.store.write() as conn:
        at = to_micros(CLOCK.now())
        conn.execute(update(tables.messages).values(state=int(MessageState.ACCEPTED), leased_at=at, settled_at=at))
    before = bytes_of(show(desk, campaign="spring", to="me@example.net"))
    later = new_clock(desk)
    write_template(later, LETTER.replace("Dear", "Beloved"))
    other = with_settings(later, sender={"from": "Eve <eve@mergecast-fair.org>", "reply_to": "answers@example.org"})
    create(other, "spring", template="letter", list_name="people", transactional=True, transport="relay", replace=True)
    check(other, "spring")
    shown = show(other, campaign="spring", to="me@example.net")
    assert (shown.kept.id, shown.version) == (message_id, 1)
    assert bytes_of(shown) == before
    assert show(other, campaign="spring", row=2).as_json()["from"] == "Eve <eve@mergecast-fair.org>"


def new_clock(desk: Desk) -> Desk:
    return Desk(desk.workspace, desk.store, desk.who, StandingClock(CLOCK.now() + timedelta(hours=1)))
