"""Looking at mails before they leave: previews as files, proofs through the outbox."""

import email
import email.policy
import json
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from campaigns.actions.check import check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.edge_cases import MOST, Carried, EdgeCases
from campaigns.actions.preview import PreviewResult, preview
from campaigns.actions.proof import proof
from campaigns.actions.send import send
from campaigns.actions.suppress import add as suppress
from campaigns.errors import CampaignError, UsageError
from campaigns.message.message import unpack_values
from campaigns.model.states import MessageState, Wave
from campaigns.store import outbox, reporting, tables, underway
from campaigns.store.outbox import Candidate
from tests.doubles.desks import history_of
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import LETTER, import_lines, new_desk, with_settings, write_template, yes

PEOPLE = (
    "email,first_name",
    "nonsense,Nobody",
    "Ada@Example.org,Ada",
    "bob@example.net,Bob",
    "cy@example.com,O'Brien",
    "dee@example.org,",
    "eve@example.org,Konstantinopolitanisch-Oberammergauer",
    "fay@example.org,Øyvind Łukasz",
    "gal@example.org,גל",
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = new_desk(tmp_path, StandingClock())
    write_template(desk)
    import_lines(desk, PEOPLE)
    yield desk
    desk.store.close()


def opened(result: PreviewResult, place: int = 0) -> EmailMessage:
    mail = email.message_from_bytes(result.previews[place].eml.read_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_a_preview_is_the_mail_of_the_first_good_row(desk: Desk) -> None:
    result = preview(desk, "letter", "people")
    mail = opened(result)
    assert (mail["To"], mail["Subject"], mail["From"]) == (
        "Ada@example.org",
        "Hello Ada",
        "Ada <ada@mergecast-fair.org>",
    )
    html = mail.get_body(("html",))
    assert html is not None
    assert "Dear Ada," in html.get_content()
    page = result.previews[0].html
    assert page is not None
    assert "Dear Ada," in page.read_text(encoding="utf-8")


def test_a_preview_of_a_row_is_that_person_s(desk: Desk) -> None:
    result = preview(desk, "letter", "people", row=5)
    assert (result.previews[0].row, opened(result)["Subject"]) == (5, "Hello O'Brien")


def test_previews_of_text_mail_have_no_page(desk: Desk) -> None:
    write_template(desk, "---\nsubject: Hi\n---\nDear {{ first_name }}, {{ unsubscribe_url }}\n", "note.txt")
    result = preview(desk, "note.txt", "people")
    assert result.previews[0].html is None
    assert result.as_json()["previews"][0]["files"]["html"] is None


def test_the_rows_that_differ_most_are_shown(desk: Desk) -> None:
    result = preview(desk, "letter", "people", edge_cases=True)
    why = {one.row: one.why for one in result.previews}
    assert why[5] == ("most apostrophes",)
    assert why[6] == ("shortest", "most empty values")
    assert why[7] == ("longest",)
    assert why[8] == ("most letters beyond ASCII",)
    assert why[9] == ("right to left",)
    assert [one.text.read_text(encoding="utf-8").partition("\n")[0] for one in result.previews][1] == "Dear O'Brien,"
    assert {finding.code: finding.rows for finding in result.findings}["empty_field"] == 1


def test_previews_can_go_elsewhere(desk: Desk, tmp_path: Path) -> None:
    result = preview(desk, "letter", "people", out=tmp_path / "here" / "there")
    assert result.previews[0].eml.parent == tmp_path / "here" / "there"


def test_a_preview_needs_no_sender_yet(desk: Desk) -> None:
    assert opened(preview(with_settings(desk, sender={}), "letter", "people"))["From"] == "sender@example.invalid"


def test_a_preview_says_what_a_check_would_stop_at(desk: Desk) -> None:
    write_template(desk, LETTER.replace("{{ unsubscribe_url }}", "https://example.org"))
    assert "no_unsubscribe" in {finding.code for finding in preview(desk, "letter", "people").findings}


def test_a_preview_queues_nothing_and_writes_no_history(desk: Desk) -> None:
    preview(desk, "letter", "people", edge_cases=True)
    with desk.store.read() as conn:
        assert conn.scalars(select(tables.messages.c.id)).all() == []
    assert [verb for _, verb, _ in history_of(desk.store)] == ["import"]


@pytest.mark.parametrize(("row", "words"), [(2, "gets no mail"), (99, "no row 99")])
def test_a_row_without_a_mail_is_said(desk: Desk, row: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        preview(desk, "letter", "people", row=row)


def test_the_preview_document_is_the_contract_s(desk: Desk) -> None:
    document = json.loads(json.dumps(preview(desk, "letter", "people").as_json()))
    assert set(document) == {"template", "list", "previews", "findings"}
    assert set(document["previews"][0]) == {"row", "to", "subject", "why", "files"}
    assert set(document["previews"][0]["files"]) == {"eml", "html", "text"}


def test_of_many_rows_at_most_twelve_are_picked_and_each_once() -> None:
    cases = EdgeCases()
    for row in range(1000):
        cases.look(row, row, f"{'x' * (row % 97)}\0{'é' * (row % 13)}\0")
        cases.carry(row, [Carried(f"{row}.pdf", row, personal=True), Carried(f"{row % 50}.txt", 1, personal=False)])
    chosen = cases.chosen()
    assert len(chosen) == MOST
    assert list(chosen) == sorted(chosen)
    reasons = [reason for why in chosen.values() for reason in why]
    assert all(
        any(part in reason for reason in reasons) for part in ("largest file", "smallest file", "of shape", "file 0")
    )
    assert all(chosen.values())


def test_a_row_is_picked_for_every_reason_that_it_has() -> None:
    cases = EdgeCases()
    cases.look(2, 0, "Ada\0")
    cases.look(3, 1, "\0")
    cases.look(4, 0, "O'Brien of Ballybunion\0")
    cases.look(5, 0, "Łukąś\0")
    cases.look(6, 1, "גל\0")
    assert cases.chosen() == {
        2: ("first of shape 1 (3 rows)",),
        3: ("shortest", "most empty values", "first of shape 2 (2 rows)"),
        4: ("longest", "most apostrophes"),
        5: ("most letters beyond ASCII",),
        6: ("right to left",),
    }


def proofs(desk: Desk) -> list[Candidate]:
    with desk.store.read() as conn:
        return outbox.proofs(conn, 1, limit=10)


def make(desk: Desk) -> None:
    create(desk, "spring", template="letter", list_name="people", transport="relay")


def test_a_proof_of_a_draft_waits_in_the_outbox_for_its_author(desk: Desk) -> None:
    make(desk)
    assert proof(desk, "spring", "Me@example.net", row=4).as_json() == {
        "campaign": "spring",
        "state": "draft",
        "starts": {"at": None, "wall": "", "zone": "UTC"},
        "transport": "relay",
        "leaves": True,
        "queued": 1,
        "left_out": 0,
        "worker_running": False,
        "shares": [],
        "plan": None,
        "times": None,
        "hold": "",
        "opens": None,
        "canary": None,
        "proofs": [{"row": 4, "why": []}],
    }
    [waiting] = proofs(desk)
    assert (waiting.to, unpack_values(waiting.slots)) == ("Me@example.net", ("Bob",))
    with desk.store.read() as conn:
        assert [one.id for one in underway.sending_campaigns(conn)] == [1]


def test_a_proof_is_no_part_of_the_campaign_s_rows(desk: Desk) -> None:
    make(desk)
    proof(desk, "spring", "ada@example.org")
    result = check(desk, "spring")
    assert (result.rows, result.ready) == (8, 7)
    with desk.store.read() as conn:
        counts = reporting.count_messages(conn, 1, campaign=reporting.CampaignState.CHECKED)
    assert sum(counts.values()) == 7
    assert len(proofs(desk)) == 1


def test_a_proof_s_shape_outlives_a_check(desk: Desk) -> None:
    make(desk)
    proof(desk, "spring", "me@example.net")
    write_template(desk, LETTER.replace("Hello", "Other"))
    check(desk, "spring")
    [waiting] = proofs(desk)
    with desk.store.read() as conn:
        assert outbox.shape(conn, waiting.shape_id, {}).subject[0] == "Hello "


def test_a_proof_of_a_queued_campaign_is_of_what_was_queued(desk: Desk) -> None:
    make(desk)
    send(desk, "spring", at="tomorrow 09:00", confirm=yes)
    write_template(desk, LETTER.replace("Hello", "Other"))
    proof(desk, "spring", "me@example.net")
    [waiting] = proofs(desk)
    with desk.store.read() as conn:
        assert outbox.shape(conn, waiting.shape_id, {}).subject[0] == "Hello "
        frozen = conn.execute(select(tables.messages).where(tables.messages.c.wave == int(Wave.REST))).first()
        assert frozen is not None
    assert unpack_values(waiting.slots) == ("Ada",)
    assert (waiting.shape_id, frozen.state) == (frozen.shape_id, MessageState.QUEUED)


def test_proofs_can_be_sent_again_and_again(desk: Desk) -> None:
    make(desk)
    for _ in range(2):
        proof(desk, "spring", "me@example.net")
    assert len({one.token for one in proofs(desk)}) == 2
    assert [verb for _, verb, _ in history_of(desk.store)][-2:] == ["proof", "proof"]


@pytest.mark.parametrize(
    ("to", "row", "error"),
    [("nonsense", None, UsageError), ("me@example.net", 2, UsageError), ("hush@example.net", None, CampaignError)],
)
def test_a_proof_that_cannot_be_is_refused(desk: Desk, to: str, row: int | None, error: type[Exception]) -> None:
    make(desk)
    suppress(desk, ["hush@example.net"])
    with pytest.raises(error):
        proof(desk, "spring", to, row=row)
    assert proofs(desk) == []


def test_a_proof_needs_a_sender_that_may_send(desk: Desk) -> None:
    make(desk)
    with pytest.raises(CampaignError, match="no sender"):
        proof(with_settings(desk, sender={}), "spring", "me@example.net")
