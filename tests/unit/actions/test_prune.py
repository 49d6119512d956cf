import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from campaigns.actions import prune as module
from campaigns.actions.desk import Desk
from campaigns.actions.proof import proof
from campaigns.actions.prune import Prunable, Pruned, prune
from campaigns.actions.report import report
from campaigns.actions.resend import resend_failed
from campaigns.actions.show import bytes_of, show
from campaigns.actions.uncertain import confirm
from campaigns.errors import CampaignError, UsageError
from campaigns.model.states import CampaignState
from campaigns.store import pruning, tables
from campaigns.store.lock import worker_lock
from campaigns.store.pruning import Amount
from campaigns.store.space import compact
from tests.doubles.desks import history_of
from tests.doubles.documents import PRUNED, mistakes
from tests.doubles.folders import rows_of
from tests.doubles.long_kept import long_kept
from tests.doubles.standing_clock import StandingClock

HALF_A_YEAR = timedelta(days=180)


@pytest.fixture
def desk(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, clock: StandingClock) -> Iterator[Desk]:
    """200 days after everything in it."""
    desk = long_kept(tmp_path_factory, tmp_path / "shop", clock)
    then = clock.now().timestamp()
    for mail in (desk.workspace.mail / "new").iterdir():
        os.utime(mail, (then, then))
    clock.move(days=200)
    yield desk
    desk.store.close()


def pruned(desk: Desk, older: timedelta = HALF_A_YEAR) -> Pruned:
    return prune(desk, older, lambda _found: True)


def counts(found: Prunable) -> dict[str, int]:
    return {name: amount["count"] for name, amount in found.as_json().items()}


def sent_rows(desk: Desk) -> list[tuple[object, ...]]:
    """What must stay of each mail."""
    columns = (
        "id",
        "campaign_id",
        "recipient_id",
        "address_id",
        "state",
        "token",
        "attempts",
        "leased_at",
        "settled_at",
    )
    with desk.store.read() as conn:
        query = select(*(tables.messages.c[name] for name in columns)).order_by(tables.messages.c.id)
        return [tuple(row) for row in conn.execute(query)]


def file_names(folder: Path) -> list[str]:
    return sorted(path.read_text(encoding="utf-8").strip() for path in folder.iterdir())


def test_content_goes_and_states_sums_tokens_and_history_stay(desk: Desk) -> None:
    before, told = sent_rows(desk), report(desk, "spring").as_json()
    seen: list[Prunable] = []
    done = prune(desk, HALF_A_YEAR, lambda found: not seen.append(found))
    assert mistakes(done.as_json(), PRUNED) == []
    assert counts(seen[0]) == {
        "messages": 2, "shapes": 0, "constants": 0, "attachments": 0, "rows": 0, "sheets": 0, "rehearsals": 1,
    }  # fmt: skip
    assert done.dropped.as_json() == seen[0].as_json()
    assert sent_rows(desk) == before
    assert report(desk, "spring").as_json() == {**told, "pruned_at": desk.clock.now().isoformat()}
    assert ("ada", "prune", "campaign") in history_of(desk.store)


def test_an_uncertain_mail_keeps_its_content_until_somebody_settles_it(desk: Desk) -> None:
    pruned(desk)
    assert b"Hello Cy" in bytes_of(show(desk, campaign="spring", row=4))
    confirm(desk, "spring")
    desk.clock.move(days=200)  # type: ignore[attr-defined]
    seen: list[Prunable] = []
    done = prune(desk, HALF_A_YEAR, lambda found: not seen.append(found))
    assert counts(done.dropped) == {
        "messages": 1, "shapes": 1, "constants": 7, "attachments": 4, "rows": 3, "sheets": 1, "rehearsals": 0,
    }  # fmt: skip
    assert done.dropped.as_json() == {**seen[0].as_json(), "constants": done.dropped.as_json()["constants"]}
    assert file_names(desk.workspace.attachments / ".kept") == []
    (newest,) = desk.workspace.sheets.iterdir()
    assert b"Dan" in newest.read_bytes()
    assert report(desk, "spring").adds_up


def settle(desk: Desk) -> None:
    """Nothing is uncertain any more, long ago."""
    with desk.store.write() as conn:
        conn.execute(update(tables.messages).where(tables.messages.c.state == 8).values(state=3))


def test_a_second_prune_finds_nothing_and_changes_nothing(desk: Desk) -> None:
    settle(desk)
    pruned(desk)
    before = rows_of(desk.workspace.database)
    assert prune(desk, HALF_A_YEAR, lambda _found: pytest.fail("it asked")).dropped.nothing
    assert rows_of(desk.workspace.database) == before


def test_values_are_gone_from_every_file(desk: Desk) -> None:
    settle(desk)
    pruned(desk)
    desk.store.close()
    files = [path for path in desk.workspace.root.rglob("*") if path.is_file() and path.suffix != ".csv"]
    kept = {path.relative_to(desk.workspace.root).as_posix() for path in files if b"Dear Ada" in path.read_bytes()}
    assert kept == {"mail/new/1700000000.M1P2.host"}
    with closing(sqlite3.connect(desk.workspace.database)) as connection:
        cells = connection.execute("SELECT DISTINCT cells FROM recipients WHERE sheet_id = 1").fetchall()
        assert cells == [("[]",)]
        assert connection.execute("SELECT count(*) FROM versions").fetchone() == (1,)


def test_what_was_pruned_is_said_wherever_it_is_asked_for(desk: Desk) -> None:
    settle(desk)
    pruned(desk)
    told = show(desk, campaign="spring", row=2).as_json()
    assert "was pruned on Saturday 12 June 2027" in told["note"]
    assert (told["state"], told["subject"], told["text"]) == ("accepted", None, None)
    for ask in (
        lambda: bytes_of(show(desk, campaign="spring", row=2)),
        lambda: resend_failed(desk, "spring"),
        lambda: proof(desk, "spring", "ada@example.org"),
    ):
        with pytest.raises(CampaignError, match="pruned"):
            ask()


@pytest.mark.parametrize("state", [one for one in CampaignState if one.value not in ("finished", "cancelled")])
def test_a_campaign_that_is_not_over_is_never_touched(desk: Desk, state: CampaignState) -> None:
    settle(desk)
    with desk.store.write() as conn:
        conn.execute(update(tables.campaigns).values(state=str(state)))
    assert prune(desk, HALF_A_YEAR, lambda _found: pytest.fail("it asked")).dropped.nothing


def test_a_campaign_that_goes_on_meanwhile_keeps_the_rest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(desk)
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    drop = pruning.drop_slots

    def then_resend(*args: object, **more: object) -> Amount:
        dropped = drop(*args, **more)  # type: ignore[arg-type]
        args[0].execute(update(tables.campaigns).values(state="sending"))  # type: ignore[attr-defined]
        return dropped

    monkeypatch.setattr(pruning, "drop_slots", then_resend)
    dropped = counts(pruned(desk).dropped)
    assert (dropped["messages"], dropped["shapes"], dropped["attachments"], dropped["rows"]) == (1, 0, 0, 0)


def test_what_is_younger_stays(desk: Desk) -> None:
    settle(desk)
    assert prune(desk, timedelta(days=201), lambda _found: pytest.fail("it asked")).dropped.nothing


def test_nothing_goes_where_nobody_says_yes(desk: Desk) -> None:
    settle(desk)
    before = desk.workspace.database.read_bytes(), rows_of(desk.workspace.database)
    with pytest.raises(UsageError, match="nobody said yes"):
        prune(desk, HALF_A_YEAR, lambda _found: False)
    assert (desk.workspace.database.read_bytes(), rows_of(desk.workspace.database)) == before
    with pytest.raises(UsageError, match="too short"):
        prune(desk, timedelta(hours=1), lambda _found: True)


STEPS = ("drop_slots", "drop_shapes", "drop_constants", "unneeded_files", "empty_rows", "finish_sheet")


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("step", STEPS)
def test_stopped_at_any_step_it_is_gone_on_with(desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    settle(desk)
    told = report(desk, "spring").as_json()

    def killed(*_args: object, **_more: object) -> None:
        raise _KilledError

    with monkeypatch.context() as patch:
        patch.setattr(module, "_look", lambda _cut: Prunable(messages=Amount(1, 1)))
        patch.setattr(pruning, step, killed)
        with pytest.raises(_KilledError):
            pruned(desk)
    assert {**report(desk, "spring").as_json(), "pruned_at": None} == told
    pruned(desk)
    assert prune(desk, HALF_A_YEAR, lambda _found: pytest.fail("it asked")).dropped.nothing
    rows = rows_of(desk.workspace.database)
    assert (rows["shapes"], rows["constants"], rows["files"], rows["message_files"]) == (0, 0, 0, 0)
    assert file_names(desk.workspace.attachments / ".kept") == []


def test_the_file_really_shrinks_but_not_beside_a_worker(desk: Desk) -> None:
    with desk.store.write() as conn:
        conn.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
            " INSERT INTO attempts SELECT i, 1, NULL, 0, 'deferred', '450', hex(zeroblob(200)) FROM n"
        )
        conn.exec_driver_sql("UPDATE attempts SET text = ''")  # holes in pages, none of them free
    with worker_lock(desk.workspace.database):
        beside = compact(desk.store)
    assert "A worker runs" in beside.why_not
    alone = compact(desk.store)
    assert alone.why_not == ""
    assert alone.after * 3 < beside.after
    assert desk.workspace.database.stat().st_size == alone.after
