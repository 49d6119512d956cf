"""The worker's side of the clerk, with a clerk of three lines of shell."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from campaigns.actions.desk import Desk
from campaigns.clock import SystemClock
from scheduler.clerk import tell
from scheduler.errands import COULD_NOT, Errands
from tests.doubles.workspaces import new_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = new_desk(tmp_path, SystemClock(), inbox={"folder": "inbox", "quiet": "1s"})
    yield desk
    desk.store.close()


@pytest.fixture
def log() -> Iterator[LogCapture]:
    captured = LogCapture()
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[captured])
    yield captured
    structlog.configure(processors=before)


def clerk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, says: str = "") -> Path:
    """One that notes what it was asked, says something, and ends; where it notes."""
    program, noted = tmp_path / "clerk", tmp_path / "noted"
    program.write_text(
        f"#!/bin/sh\nread -r line; printf '%s\\n' \"$line\" >> '{noted}'; env >> '{noted}.env'; {says}\nexit {status}\n"
    )
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    return noted


async def test_what_has_ended_the_clerk_three_times_is_given_up(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: LogCapture
) -> None:
    errands = Errands(desk)
    noted = clerk(monkeypatch, tmp_path, 1)
    for _ in range(4):
        await errands._send(["a.csv", "b\udcff.csv"])
    clerk(monkeypatch, tmp_path, COULD_NOT)  # a full disk is no crash
    await errands._send([])
    await errands._send([])
    asked = [json.loads(line) for line in noted.read_text(encoding="utf-8").splitlines()]
    assert asked[0] == {"files": ["a.csv", "b\udcff.csv"], "spare": False}
    assert [one["spare"] for one in asked] == [False, False, False, True, True, False]
    assert {entry["event"] for entry in log.entries} == {"clerk.failed"}


async def test_the_clerk_gets_no_secret_and_its_events_are_logged(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: LogCapture
) -> None:
    monkeypatch.setenv("MERGECAST_TRANSPORTS__RELAY__PASSWORD", "swordfish")
    monkeypatch.setenv("MERGECAST_ZONE", "Asia/Tokyo")
    event = json.dumps({"event": "occurrence.held", "series": "spring"})
    noted = clerk(monkeypatch, tmp_path, 0, f"echo '{event}'; echo 'no event'")
    await Errands(desk)._send([])
    environment = noted.with_name("noted.env").read_text(encoding="utf-8")
    assert "MERGECAST_ZONE=Asia/Tokyo" in environment
    assert "swordfish" not in environment
    assert log.entries == [{"event": "occurrence.held", "series": "spring", "log_level": "warning"}]


def test_no_address_stands_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    tell("inbox.failed", file="a.csv", rows=3, reason="Row 3: “ada@example.org” is no date.")
    told = json.loads(capsys.readouterr().out)
    assert told == {"event": "inbox.failed", "file": "a.csv", "rows": 3, "reason": "Row 3: (an address) is no date."}


async def test_a_worker_until_idle_waits_for_what_lies_in_the_inbox_unless_it_cannot_be_done(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: LogCapture
) -> None:
    errands = Errands(desk)
    assert not errands.come_by(0)
    assert errands._due() is None
    (tmp_path / "inbox" / "a.csv").write_text("x", encoding="utf-8")
    assert errands.come_by(0)
    clerk(monkeypatch, tmp_path, COULD_NOT)
    await errands._send([])
    assert not errands.come_by(0)
