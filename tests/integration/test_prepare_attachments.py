"""Attachments through check, send and proof: what is staged is what was checked, whatever happens to the originals."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

import campaigns.actions.send as sending
from campaigns.actions.check import CheckResult, check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.preview import preview
from campaigns.actions.proof import proof
from campaigns.actions.send import send
from campaigns.errors import CampaignError
from campaigns.message.attachment import Attachment
from campaigns.store import files, outbox, tables
from tests.doubles.workspaces import LETTER, codes, import_lines, new_desk, write_template, yes

PEOPLE = (
    "email,first_name,number,file",
    "ada@example.org,Ada,1017,in/1017.pdf",
    "bob@example.net,Bob,1018,in/1018.pdf",
    "cy@example.com,Cy,1019,in/1019.pdf;extra.txt",
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = new_desk(tmp_path)
    for name in ("terms.pdf", "in/1017.pdf", "in/1018.pdf", "in/1019.pdf", "extra.txt"):
        put(desk, name, f"%PDF {name}")
    import_lines(desk, PEOPLE)
    yield desk
    desk.store.close()


def put(desk: Desk, name: str, content: str) -> None:
    path = desk.workspace.attachments / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def made(desk: Desk, attachments: str, people: tuple[str, ...] | None = None, **options: str) -> CheckResult:
    write_template(desk, LETTER.replace("subject", f"attachments: {attachments}\nsubject", 1))
    if people:
        import_lines(desk, people)
    create(desk, "spring", template="letter", list_name="people", replace=True, **options)  # type: ignore[arg-type]
    return check(desk, "spring")


def carried(desk: Desk, wave: bool = True) -> dict[str, list[str]]:
    """By address: the names of a message's files and what their copies hold; those of the shape first."""
    with desk.store.read() as conn:
        query = select(tables.messages.c.id, tables.messages.c.shape_id, tables.addresses.c.folded).join(
            tables.addresses, tables.addresses.c.id == tables.messages.c.address_id
        )
        rows = conn.execute(query.where((tables.messages.c.wave > 0) == wave)).all()
        own = files.own(conn, [row.id for row in rows])
        return {
            row.folded: [said(desk, one) for one in (*outbox.shape(conn, row.shape_id, {}).files, *own[row.id])]
            for row in rows
        }


def said(desk: Desk, one: Attachment) -> str:
    data = (desk.workspace.attachments / ".kept" / one.sha256).read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (one.sha256, one.size)
    return f"{one.name}: {data.decode()}"


EVERYTHING = {
    "ada@example.org": ["terms.pdf: %PDF terms.pdf", "1017.pdf: %PDF in/1017.pdf"],
    "bob@example.net": ["terms.pdf: %PDF terms.pdf", "1018.pdf: %PDF in/1018.pdf"],
    "cy@example.com": ["terms.pdf: %PDF terms.pdf", "1019.pdf: %PDF in/1019.pdf", "extra.txt: %PDF extra.txt"],
}


def test_each_row_gets_the_files_of_all_and_its_own(desk: Desk) -> None:
    found = made(desk, "terms.pdf, {{ file }}")
    assert (found.ready, found.left_out, found.stops) == (3, 0, ())
    assert carried(desk) == EVERYTHING
    assert len(list((desk.workspace.attachments / ".kept").iterdir())) == 5


def test_what_was_checked_is_what_leaves_whatever_is_done_to_the_originals(desk: Desk) -> None:
    made(desk, "terms.pdf, {{ file }}")
    send(desk, "spring", confirm=yes)
    for path in list(desk.workspace.attachments.rglob("*.pdf")):
        path.unlink()
    put(desk, "terms.pdf", "other")
    assert carried(desk) == EVERYTHING


def test_files_that_change_after_the_check_are_checked_again_before_anything_is_queued(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[str] = []
    prepare = sending.prepare
    monkeypatch.setattr(sending, "prepare", lambda *args, **how: again.append("") or prepare(*args, **how))
    made(desk, "terms.pdf, {{ file }}")
    put(desk, "terms.pdf", "%PDF newer")
    send(desk, "spring", confirm=yes)
    assert len(again) == 1
    assert carried(desk)["ada@example.org"] == ["terms.pdf: %PDF newer", "1017.pdf: %PDF in/1017.pdf"]
    assert len(list((desk.workspace.attachments / ".kept").iterdir())) == 5, "the older copy is gone"


def test_nothing_is_rendered_again_while_no_file_changes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made(desk, "terms.pdf, {{ file }}")
    monkeypatch.setattr(sending, "prepare", lambda *_args, **_how: pytest.fail("it was checked already"))
    send(desk, "spring", confirm=yes)


def test_a_missing_file_leaves_its_row_out_and_one_for_all_stops(desk: Desk) -> None:
    (desk.workspace.attachments / "in/1018.pdf").unlink()
    found = made(desk, "terms.pdf, {{ file }}")
    assert (found.ready, codes(found)["file_missing"]) == (2, 1)
    assert found.findings[0].first_rows == (3,)
    (desk.workspace.attachments / "terms.pdf").unlink()
    found = made(desk, "terms.pdf, {{ file }}")
    assert [one.code for one in found.stops] == ["file_missing"]
    with pytest.raises(CampaignError, match=r"“terms.pdf” is not there"):
        send(desk, "spring", confirm=yes)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("ada@example.org,Ada,1017,in/1017.pdf", "bob@example.net,Bob,1018,in/1017.pdf"), "same_file"),
        (("ada@example.org,Ada,1017,in/1018.pdf", "bob@example.net,Bob,1018,in/1017.pdf"), "others_file"),
        (("ada@example.org,Ada,1017,in/1018.pdf", "no address,Bob,1018,"), "others_file"),
    ],
)
def test_somebody_elses_file_stops_the_campaign_and_yes_does_not_pass_over_it(
    desk: Desk, lines: tuple[str, ...], code: str
) -> None:
    found = made(desk, "{{ file }}", (PEOPLE[0], *lines))
    assert code in [one.code for one in found.stops]
    with pytest.raises(CampaignError):
        send(desk, "spring", confirm=yes)
    write_template(desk, LETTER.replace("subject", "attachments: {{ file|shared }}\nsubject", 1))
    import_lines(desk, (PEOPLE[0], *lines[:1]))
    assert send(desk, "spring", confirm=yes).queued == 1


def test_a_row_that_is_listed_twice_is_no_other_person(desk: Desk) -> None:
    lines = (PEOPLE[0], "ada@example.org,Ada,1017,in/1017.pdf", "ADA@example.org,Ada,1017,in/1017.pdf")
    assert made(desk, "{{ file }}", lines).stops == ()


def test_an_empty_cell_leaves_the_row_out_and_a_condition_only_warns(desk: Desk) -> None:
    lines = (*PEOPLE[:2], "bob@example.net,Bob,1018,")
    found = made(desk, "{{ file }}", lines)
    assert (found.ready, codes(found)["no_attachment"]) == (1, 1)
    found = made(desk, "{% if file %}{{ file }}{% endif %}", lines)
    assert (found.ready, codes(found)["without_file"]) == (2, 1)
    assert carried(desk)["bob@example.net"] == []


def test_a_transport_that_takes_more_takes_larger_files(desk: Desk) -> None:
    with (desk.workspace.attachments / "large.zip").open("wb") as file:
        file.truncate(20_000_000)
    found = made(desk, "large.zip")
    assert [one.code for one in found.stops] == ["file_too_large"]
    found = made(desk, "large.zip", transport="cloud")
    assert [one.code for one in found.stops] == []
    assert "heavy_mail" in codes(found)


def test_a_proof_carries_the_files_of_its_row_before_and_after_queueing(desk: Desk) -> None:
    made(desk, "terms.pdf, {{ file }}")
    proof(desk, "spring", "me@example.org", row=4)
    expected = EVERYTHING["cy@example.com"]
    assert carried(desk, wave=False) == {"me@example.org": expected}
    send(desk, "spring", confirm=yes)  # nothing has changed: the proof stays as it is
    proof(desk, "spring", "you@example.org", row=4)
    assert carried(desk, wave=False) == {"me@example.org": expected, "you@example.org": expected}


def test_a_proof_that_waits_keeps_its_files_while_the_campaign_is_checked_anew(desk: Desk) -> None:
    made(desk, "terms.pdf, {{ file }}")
    proof(desk, "spring", "me@example.org", row=2)
    put(desk, "terms.pdf", "%PDF newer")
    check(desk, "spring")
    assert carried(desk, wave=False) == {"me@example.org": EVERYTHING["ada@example.org"]}
    assert carried(desk)["ada@example.org"][0] == "terms.pdf: %PDF newer"


def test_a_proof_without_its_file_is_refused(desk: Desk) -> None:
    (desk.workspace.attachments / "in/1018.pdf").unlink()
    made(desk, "{{ file }}")
    with pytest.raises(CampaignError, match=r"“in/1018.pdf” is not there"):
        proof(desk, "spring", "me@example.org", row=3)


def test_a_preview_shows_the_files_and_keeps_nothing(desk: Desk) -> None:
    write_template(desk, LETTER.replace("subject", "attachments: terms.pdf, {{ file }}\nsubject", 1))
    shown = preview(desk, "letter", "people", row=4)
    eml = shown.previews[0].eml.read_bytes()
    assert [name in eml for name in (b"terms.pdf", b"1019.pdf", b"extra.txt", b"1017.pdf")] == [True, True, True, False]
    assert not (desk.workspace.attachments / ".kept").exists()
    (desk.workspace.attachments / "in/1019.pdf").unlink()
    assert "file_missing" in [one.code for one in preview(desk, "letter", "people", row=4).findings]


def test_a_template_that_attaches_nothing_does_not_look_into_the_folder(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from campaigns.compose.attachments import AttachmentFolder

    monkeypatch.setattr(AttachmentFolder, "signature", lambda _: pytest.fail("nobody asked"))
    write_template(desk)
    create(desk, "plain", template="letter", list_name="people")
    assert check(desk, "plain").ready == 3
    assert not (desk.workspace.attachments / ".kept").exists()
