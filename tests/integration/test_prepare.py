"""From a list to staged messages, through the real renderer and a real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

import campaigns.actions.prepare as preparing
from campaigns.actions.check import CheckResult, check
from campaigns.actions.clearing import take_over
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.suppress import add as suppress
from campaigns.errors import CampaignError, TemplateError
from campaigns.message import fill
from campaigns.message.message import Message, Sender, unpack_values
from campaigns.model.states import CampaignState, LeftOut, MessageState, Severity
from campaigns.store import campaigns, outbox, tables, underway
from campaigns.store.campaigns import Campaign
from tests.doubles.desks import history_of
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import LETTER, PEOPLE, codes, import_lines, new_desk, with_settings, write_template

MESSY = (
    "email,first_name,link",
    "Ada@Example.org,Ada,https://example.org/a",
    "nonsense,Bob,https://example.org/b",
    "ada@example.org,Ada,https://example.org/c",
    "dee@example.net,Dee\x1b[2J,https://example.org/d",
    "eve@example.net,,https://example.org/e",
    "fay@example.net,Fay,javascript:alert(1)",
    "gus@example.net,Gus <%body%>,https://example.org/g",
    "hal@example.com,Hal,https://example.org/h",
)
WITH_LINK = LETTER.replace("<p><a", '<p><a href="{{ link }}">more</a> <a')


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = new_desk(tmp_path, StandingClock())
    yield desk
    desk.store.close()


def checked(desk: Desk, lines: tuple[str, ...] = PEOPLE, template: str = LETTER, **options: object) -> CheckResult:
    write_template(desk, template)
    import_lines(desk, lines)
    create(desk, "spring", template="letter", list_name="people", **options)  # type: ignore[arg-type]
    return check(desk, "spring")


def campaign_of(desk: Desk) -> Campaign:
    with desk.store.read() as conn:
        found = campaigns.find(conn, "spring")
    assert found is not None
    return found


def staged(desk: Desk) -> dict[str, Message]:
    """The campaign's messages by address, as the worker would read them."""
    columns = (tables.messages, tables.addresses.c.folded)
    campaign = campaign_of(desk)
    sender = Sender(campaign.id, campaign.name, bulk=True, name="", address="ada@mergecast-fair.org")
    with desk.store.read() as conn:
        rows = conn.execute(select(*columns).join(tables.addresses)).all()
        return {
            row.folded: Message(
                id=row.id,
                token=row.token,
                sender=sender,
                shape_id=row.shape_id,
                shape=outbox.shape(conn, row.shape_id, {}),
                to=row.to_addr or row.folded,
                values=unpack_values(row.slots),
                leased_at=desk.clock.now(),
            )
            for row in rows
        }


def left_out(desk: Desk) -> dict[int, tuple[LeftOut, str | None]]:
    query = select(tables.recipients.c.row, tables.left_out.c.code, tables.left_out.c.note).join(
        tables.recipients, tables.recipients.c.id == tables.left_out.c.recipient_id
    )
    with desk.store.read() as conn:
        return {row.row: (LeftOut(row.code), row.note) for row in conn.execute(query)}


def test_each_person_s_message_reads_as_the_template_says(desk: Desk) -> None:
    result = checked(desk)
    assert (result.rows, result.ready, result.left_out, result.shapes) == (3, 3, 0, 1)
    mails = staged(desk)
    assert fill.subject(mails["bob@example.net"]) == "Hello Bob"
    html = fill.html_body(mails["cy@example.com"])
    assert html is not None
    assert "Dear Cy," in html
    assert mails["cy@example.com"].token.hex() in html


def test_every_row_has_a_message_or_a_reason(desk: Desk) -> None:
    result = checked(desk, MESSY, WITH_LINK, transport="cloud")
    assert (result.rows, result.ready, result.left_out) == (8, 3, 5)
    reasons = left_out(desk)
    assert {row: code for row, (code, _) in reasons.items()} == {
        3: LeftOut.REJECTED,
        4: LeftOut.DUPLICATE,
        5: LeftOut.FINDING,
        7: LeftOut.FINDING,
        8: LeftOut.FINDING,
    }
    assert reasons[3][1] == "“nonsense” has no @."
    assert reasons[4][1] == "same address as row 2"
    assert set(staged(desk)) == {"ada@example.org", "eve@example.net", "hal@example.com"}
    assert codes(result) == {
        "rejected": 1,
        "duplicate": 1,
        "header_injection": 1,
        "unfit_link": 1,
        "sendgrid_tag": 1,
        "empty_field": 1,
        "empty_in_subject": 1,
        "no_preheader": 5,
        "unsubscribe_mailto": 0,
    }
    assert campaign_of(desk).state is CampaignState.CHECKED


def test_rows_add_up_over_many_pages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "PAGE", 3)
    lines = ["email,first_name", *(f"p{n % 17}@example.org,P{n}" for n in range(40)), "broken,B"]
    result = checked(desk, tuple(lines))
    assert (result.rows, result.ready, result.left_out) == (41, 17, 24)
    subjects = {address: fill.subject(mail) for address, mail in staged(desk).items()}
    assert subjects == {f"p{n}@example.org": f"Hello P{n}" for n in range(17)}


def test_an_address_goes_on_the_wire_as_its_owner_writes_it(desk: Desk) -> None:
    checked(desk, ("email,first_name", "Ada.L@Example.ORG,Ada", "bob@example.net,Bob"))
    assert {mail.to for mail in staged(desk).values()} == {"Ada.L@example.org", "bob@example.net"}


def test_suppressed_people_and_domains_are_left_out(desk: Desk) -> None:
    import_lines(desk)
    suppress(desk, ["ada@example.org"])
    suppress(desk, ["@example.net"])
    result = checked(desk)
    assert (result.ready, codes(result)["suppressed"]) == (1, 2)
    assert {code for code, _ in left_out(desk).values()} == {LeftOut.SUPPRESSED}


def test_a_checked_campaign_can_be_checked_again(desk: Desk) -> None:
    checked(desk)
    write_template(desk, LETTER.replace("Hello", "Good evening"))
    result = check(desk, "spring")
    assert (result.rows, result.ready, result.shapes) == (3, 3, 1)
    assert fill.subject(staged(desk)["ada@example.org"]) == "Good evening Ada"


def test_the_newest_sheet_is_checked(desk: Desk) -> None:
    checked(desk)
    import_lines(desk, ("email,first_name", "zoe@example.org,Zoë"))
    assert check(desk, "spring").ready == 1
    assert set(staged(desk)) == {"zoe@example.org"}


@pytest.mark.parametrize(
    ("template", "code"),
    [
        (LETTER.replace("{{ first_name }},", "{{ frist_name }},"), "unknown_field"),
        (LETTER.replace("{{ unsubscribe_url }}", "https://example.org"), "no_unsubscribe"),
        (LETTER.replace("<p><a", '<p><a href="{{ view_url }}">see it</a> <a'), "template_error"),
    ],
)
def test_what_stops_leaves_a_draft_that_accounts_for_every_row(desk: Desk, template: str, code: str) -> None:
    result = checked(desk, template=template)
    assert code in {finding.code for finding in result.stops}
    assert result.rows == result.ready + result.left_out == 3
    assert campaign_of(desk).state is CampaignState.DRAFT


def test_a_sender_that_is_put_into_the_settings_later_counts(desk: Desk) -> None:
    without = with_settings(desk, sender={})
    assert "no_sender" in codes(checked(without))
    assert "no_sender" not in codes(check(desk, "spring"))
    assert campaign_of(desk).sender == "Ada <ada@mergecast-fair.org>"


def test_an_example_sender_is_fine_in_a_rehearsal_only(desk: Desk) -> None:
    example = with_settings(desk, sender={"from": "ada@example.org"})
    assert "example_sender" not in codes(checked(example))
    create(example, "real", template="letter", list_name="people", transport="relay")
    assert [finding.severity for finding in check(example, "real").stops] == [Severity.STOPS]


def test_a_sheet_with_nobody_left_stops(desk: Desk) -> None:
    import_lines(desk)
    for address in ("ada@example.org", "bob@example.net", "cy@example.com"):
        suppress(desk, [address])
    assert "nobody" in codes(checked(desk))


def test_a_template_that_cannot_be_compiled_changes_nothing(desk: Desk) -> None:
    checked(desk)
    before = campaign_of(desk)
    write_template(desk, LETTER.replace("{{ first_name }},", "{{ first_name"))
    with pytest.raises(TemplateError):
        check(desk, "spring")
    assert campaign_of(desk) == before
    assert len(staged(desk)) == 3


def test_a_check_that_another_took_over_stops_at_its_next_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    checked(desk)
    stage = preparing._stage

    def stage_and_lose(*args):  # type: ignore[no-untyped-def]
        stage(*args)
        take_over(desk, campaign_of(desk), allowed=preparing.PREPARABLE)

    monkeypatch.setattr(preparing, "PAGE", 1)
    monkeypatch.setattr(preparing, "_stage", stage_and_lose)
    with pytest.raises(CampaignError, match="took over"):
        check(desk, "spring")
    assert campaign_of(desk).state is CampaignState.DRAFT


def test_what_a_crashed_check_staged_is_removed_by_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as crash:
        crash.setattr(preparing, "PAGE", 2)
        crash.setattr(preparing, "_finish", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            checked(desk)
    assert len(staged(desk)) == 3
    assert check(desk, "spring").ready == 3
    assert len(staged(desk)) == 3


def test_staged_messages_are_queued_in_name_only(desk: Desk) -> None:
    checked(desk)
    with desk.store.read() as conn:
        states = set(conn.scalars(select(tables.messages.c.state)))
        assert underway.sending_campaigns(conn) == []
        assert underway.due_campaigns(conn, 2**62) == []
    assert states == {MessageState.QUEUED}


def test_a_check_is_written_into_the_history(desk: Desk) -> None:
    checked(desk)
    assert history_of(desk.store)[-1] == ("ada", "check", "campaign")


def test_the_rows_can_be_had_as_a_file(desk: Desk, tmp_path: Path) -> None:
    checked(desk, MESSY)
    check(desk, "spring", rows_to=tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 9
    assert lines[2].startswith("3,nonsense,left out: rejected,")
