import csv
from pathlib import Path

import pytest

from campaigns.actions import suppress
from campaigns.actions.desk import Desk
from campaigns.errors import SpreadsheetError, UsageError
from campaigns.model.states import MessageState, SuppressionReason
from campaigns.store.engine import Store
from tests.doubles.desks import desk_of, history_of, put, states_of
from tests.doubles.filled_store import add_campaign, address_of, new_store
from tests.doubles.standing_clock import StandingClock

CLOCK = StandingClock()
QUEUED, SUPPRESSED = MessageState.QUEUED, MessageState.SUPPRESSED


@pytest.fixture
def desk(store: Store) -> Desk:
    return desk_of(store, CLOCK)


def everybody(desk: Desk) -> list[tuple[str, str]]:
    return [(one.what, str(one.reason)) for one in suppress.listed(desk).suppressions]


def test_what_is_queued_for_a_suppressed_person_is_settled_at_once(desk: Desk) -> None:
    campaign_id = add_campaign(desk.store, "spring", 3)
    put(desk.store, campaign_id, [MessageState.ACCEPTED], CLOCK)
    done = suppress.add(desk, [address_of(campaign_id, 0), address_of(campaign_id, 1).upper()])
    assert (done.added, done.known, done.stopped) == (2, 0, 1)
    assert states_of(desk.store, campaign_id) == [MessageState.ACCEPTED, SUPPRESSED, QUEUED]
    assert history_of(desk.store) == [("ada", "suppress add", "suppression")]


def test_what_is_queued_for_a_suppressed_domain_is_settled_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppress, "_AT_ONCE", 2)
    org = add_campaign(desk.store, "spring", 5, domain="example.org")
    com = add_campaign(desk.store, "summer", 1)
    assert suppress.add(desk, ["@Example.ORG"]).stopped == 5
    assert states_of(desk.store, org) == [SUPPRESSED] * 5
    assert states_of(desk.store, com) == [QUEUED]
    assert everybody(desk) == [("@example.org", "manual")]


def test_an_address_is_folded_like_a_recipients(desk: Desk) -> None:
    suppress.add(desk, [" Ada@BÜCHER.example.com "])
    assert suppress.add(desk, ["ada@xn--bcher-kva.example.com"]).known == 1


@pytest.mark.parametrize("wrong", ["ada", "ada@", "@", "@nodot", "ada@exa mple.org"])
def test_what_is_no_address_is_refused_and_nothing_changes(desk: Desk, wrong: str) -> None:
    with pytest.raises(UsageError):
        suppress.add(desk, ["bob@example.org", wrong])
    assert everybody(desk) == []
    assert history_of(desk.store) == []


def test_remove_lifts_all_or_none(desk: Desk) -> None:
    suppress.add(desk, ["ada@example.org", "@example.net"])
    with pytest.raises(UsageError, match=r"bob@example\.org is not suppressed"):
        suppress.remove(desk, ["ada@example.org", "bob@example.org"])
    assert len(everybody(desk)) == 2
    assert suppress.remove(desk, ["ADA@example.org", "@example.net"]).removed == 2
    assert everybody(desk) == []


FILE = """\
E-Mail;Grund;Name
ada@example.org;unsubscribe;"Lovelace, Ada"

bob@example.org;;Bob
BOB@example.org;;Bob again
not an address;;Carol
@example.net;complaint;
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_with_reasons_and_its_bad_lines_are_told(desk: Desk, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "left.csv"
    path.write_text(FILE, encoding=encoding)
    done = suppress.import_file(desk, path)
    assert (done.added, done.known) == (3, 1)
    assert sorted(everybody(desk)) == [
        ("@example.net", "complaint"),
        ("ada@example.org", "unsubscribe"),
        ("bob@example.org", "manual"),
    ]
    (finding,) = done.findings
    assert (finding.rows, finding.first_rows) == (1, (6,))
    assert "not an address" in finding.sentence
    assert done.needs_a_person


def test_plain_lines_of_addresses_without_a_header_are_all_read(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "left.txt"
    path.write_text("\n".join(f"p{i}@example.org" for i in range(10)))
    assert suppress.import_file(desk, path, reason=SuppressionReason.HARD_BOUNCE).added == 10
    assert {reason for _, reason in everybody(desk)} == {"hard_bounce"}


def test_an_import_goes_on_past_one_batch(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppress, "_AT_ONCE", 3)
    path = tmp_path / "left.txt"
    path.write_text("\n".join(f"p{i}@example.org" for i in range(10)))
    assert suppress.import_file(desk, path).added == 10
    assert len(everybody(desk)) == 10


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04...", b"%PDF-1.7", "ada@example.org\nJürgen@example.org\n".encode("cp1252")]
)
def test_a_file_that_is_no_text_in_utf_8_is_refused_and_nothing_changes(
    desk: Desk, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "left.csv"
    path.write_bytes(content)
    with pytest.raises(SpreadsheetError) as refused:
        suppress.import_file(desk, path)
    assert refused.value.remedy
    assert everybody(desk) == []


def test_a_missing_file_is_named(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.csv"):
        suppress.import_file(desk, tmp_path / "nowhere.csv")


def test_an_export_can_be_imported_elsewhere(desk: Desk, tmp_path: Path) -> None:
    suppress.add(desk, ["ada@example.org"], reason=SuppressionReason.COMPLAINT, source="phone")
    suppress.add(desk, ["@example.net"])
    out = tmp_path / "out.csv"
    assert suppress.export_file(desk, out).written == 2
    with out.open(encoding="utf-8-sig", newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["address"], first["reason"], first["source"]) == ("ada@example.org", "complaint", "phone")
    (tmp_path / "other").mkdir()
    other = new_store(tmp_path / "other")
    assert suppress.import_file(desk_of(other, CLOCK), out).added == 2
    assert everybody(desk_of(other, CLOCK)) == everybody(desk)
    other.close()
