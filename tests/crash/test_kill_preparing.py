"""kill -9 of import, check and send: the list has its old sheet or the whole new one, and no campaign is half queued."""

import contextlib
import subprocess
import time
from collections import Counter
from pathlib import Path

from campaigns.model.states import CampaignState
from campaigns.store import tables
from tests.crash.ground import Ground, Taken, dice, kill, relay, sheet
from tests.doubles.command_line import until
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

PEOPLE = 20_000
KILLS = 5


def test_a_killed_import_leaves_the_old_sheet_or_the_whole_new_one(ground: Ground, tmp_path: Path) -> None:
    ground.settle("")
    ground.furnish()
    whole = seconds(ground, "import", sheet(tmp_path / "old.csv", PEOPLE, "Old"), "--list", "people")
    chance = dice()
    for turn in range(KILLS):
        new = sheet(tmp_path / f"new{turn}.csv", PEOPLE, f"New {turn}")
        killed_after(ground, chance.uniform(0, whole), "import", new, "--list", "people")
        seen = {row.id: row.rows for row in ground.rows(tables.sheets) if row.n is not None}
        assert set(seen.values()) == {PEOPLE}
        rows = Counter(row.sheet_id for row in ground.rows(tables.recipients))
        assert all(rows[sheet_id] == PEOPLE for sheet_id in seen)
        print(f"{len(seen)} whole sheets, {sum(rows.values()) - PEOPLE * len(seen)} rows left over")

    before = len([row for row in ground.rows(tables.sheets) if row.n is not None])
    told = ground.line.json("import", sheet(tmp_path / "last.csv", PEOPLE, "Last"), "--list", "people")
    assert (told["rows"], told["good"], told["sheet"]) == (PEOPLE, PEOPLE, before + 1)
    assert told["changes"]["new"] == told["changes"]["gone"] == 0
    assert all(row.n is not None for row in ground.rows(tables.sheets))
    assert len(ground.rows(tables.recipients)) == PEOPLE * (before + 1)
    assert not list((ground.root / "sheets").glob(".*"))


def test_a_killed_check_or_send_queues_nothing_or_everything(ground: Ground, taken: Taken) -> None:
    with serving(SmtpServer(on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, 4))
        ground.furnish()
        ground.line.run("import", sheet(ground.root / "people.csv", PEOPLE), "--list", "people")
        ground.line.run("create", "fair", "--template", "letter", "--list", "people", "--transport", "relay")
        whole = seconds(ground, "check", "fair")
        chance = dice()
        for _ in range(KILLS):
            killed_after(ground, chance.uniform(0, whole), "check", "fair")
            assert state_of(ground) in (CampaignState.DRAFT, CampaignState.CHECKED)
        ground.finish()
        assert taken.count == 0
        again = ("--template", "letter", "--list", "people", "--transport", "relay", "--replace")
        ground.line.run("create", "fair", *again)
        for _ in range(KILLS):
            killed_after(ground, chance.uniform(0, 1.1 * whole), "send", "fair", "--yes", "--at", "2099-01-01 09:00")
            state = state_of(ground)
            print(f"killed while it was sent, it is {state} with {len(ground.rows(tables.messages))} messages")
            if state is CampaignState.SCHEDULED:
                assert len(ground.rows(tables.messages)) == PEOPLE
                ground.line.run("reopen", "fair")
        ground.finish()
        assert taken.count == 0

        told = ground.line.json("check", "fair")
        assert (told["rows"], told["ready"], told["left_out"]) == (PEOPLE, PEOPLE, 0)
        assert len(ground.rows(tables.messages)) == PEOPLE
        assert not ground.rows(tables.left_out)
        told = ground.line.json("send", "fair", "--yes", "--at", "2099-01-01 09:00")
        assert (told["queued"], told["state"]) == (PEOPLE, "scheduled")


def seconds(ground: Ground, *words: object) -> float:
    """How long the command takes when nobody kills it."""
    began = time.monotonic()
    ground.line.run(*words)
    return time.monotonic() - began


def killed_after(ground: Ground, moment: float, *words: object) -> None:
    """Start a command, and kill it after so many seconds if it still runs; the children that it had end by themselves."""
    with ground.line.running(*words) as running:
        try:
            assert running.process.wait(moment) == 0
        except subprocess.TimeoutExpired:
            children = children_of(running.process.pid)
            kill(running)
            until(lambda: not any(map(lives, children)), within=5)


def children_of(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def state_of(ground: Ground) -> CampaignState:
    (campaign,) = ground.rows(tables.campaigns)
    return CampaignState(campaign.state)
