"""Files on their way: read once, as many at once as memory takes, and never other than they were checked."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from campaigns.message.attachment import Attachment
from campaigns.model.states import CampaignState, MessageState, Wave
from campaigns.store import campaigns, files, tables
from campaigns.store.engine import Store
from campaigns.store.kept_files import KeptFiles
from scheduler import baggage
from scheduler.worker import Way
from tests.doubles.filled_store import SHAPE, add_campaign
from tests.doubles.scripted_transport import ScriptedTransport
from tests.doubles.virtual_time import START, VirtualClock, until, virtually

NOW = int(START.timestamp()) * 1_000_000
TERMS = b"%PDF terms"


@pytest.fixture(autouse=True)
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that were read from the disk, in order."""
    done: list[str] = []
    real = KeptFiles.read
    monkeypatch.setattr(KeptFiles, "read", lambda kept, sha256, size: done.append(sha256) or real(kept, sha256, size))
    return done


def kept(folder: Path, data: bytes, name: str = "terms.pdf") -> Attachment:
    return Attachment(name, *KeptFiles(folder).keep(io.BytesIO(data), 10_000_000))


def with_own(store: Store, folder: Path, campaign: int, data: list[bytes]) -> None:
    """The campaign's messages get one file each, in the order of their ids."""
    with store.write() as conn:
        ids = conn.scalars(select(tables.messages.c.id).where(tables.messages.c.campaign_id == campaign)).all()
        for message, content in zip(ids, data, strict=True):
            own = [kept(folder, content, f"{content.decode()}.pdf")]
            files.of_message(conn, message, own, files.keep(conn, campaign, own, at=1))


def copy_of(folder: Path, data: bytes) -> Path:
    return folder / "attachments/.kept" / hashlib.sha256(data).hexdigest()


def test_a_file_for_all_is_read_once_and_goes_to_all(stage: Any, tmp_path: Path, read: list[str]) -> None:
    shape = replace(SHAPE, files=(kept(tmp_path, TERMS),))
    read.clear()
    campaign = add_campaign(stage.store, "fair", 50, shape=shape, now=NOW)
    plain = add_campaign(stage.store, "plain", 5, now=NOW)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        got = {(m.sender.campaign_id, m.files and m.files[0].data) for _, m in transport.got}
        assert got == {(campaign, TERMS), (plain, ())}

    virtually(play)
    assert stage.states(campaign) == {MessageState.ACCEPTED: 50}
    assert len(read) == 1


@pytest.mark.parametrize(("leaves", "together"), [(True, 1), (False, 10)])
def test_each_gets_their_own_and_only_what_stays_here_goes_in_one_batch(
    stage: Any, tmp_path: Path, leaves: bool, together: int
) -> None:
    own = [f"file {n}".encode() for n in range(30)]
    campaign = add_campaign(stage.store, "fair", 30, shape=replace(SHAPE, own_files=True), leaves=leaves, now=NOW)
    with_own(stage.store, tmp_path, campaign, own)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, batch=10, leaves=leaves, connections=2)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert sorted((m.id, [f.data for f in m.files]) for _, m in transport.got) == [
            (n, [data]) for n, data in enumerate(own, 1)
        ]
        assert max(len(batch) for batch in transport.batches) == together

    virtually(play)


def test_those_who_get_the_same_share_a_batch(stage: Any, tmp_path: Path) -> None:
    campaign = add_campaign(stage.store, "fair", 30, shape=replace(SHAPE, own_files=True), now=NOW)
    with_own(stage.store, tmp_path, campaign, [b"vip"] * 15 + [b"other"] * 15)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, batch=10, connections=1)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert [len(batch) for batch in transport.batches] == [10, 5, 10, 5]
        assert all(len({m.files for m in batch}) == 1 for batch in transport.batches)

    virtually(play)


def test_a_batch_holds_so_many_bytes_of_files(stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baggage, "_TURN_BYTES", 20)
    monkeypatch.setattr(baggage, "_HELD_BYTES", 20)
    campaign = add_campaign(stage.store, "fair", 9, shape=replace(SHAPE, own_files=True), leaves=False, now=NOW)
    with_own(stage.store, tmp_path, campaign, [b"x" * 6 + b"%d" % n for n in range(8)] + [b"y" * 50])

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, batch=10, leaves=False, connections=1)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert [len(batch) for batch in transport.batches] == [2, 2, 2, 2, 1]

    virtually(play)
    assert stage.states(campaign) == {MessageState.ACCEPTED: 9}


@pytest.mark.parametrize("now", [None, b"%PDF other"])
def test_a_copy_that_is_gone_or_changed_pauses_the_campaign_and_costs_no_attempt(
    stage: Any, tmp_path: Path, now: bytes | None
) -> None:
    shape = replace(SHAPE, files=(kept(tmp_path, TERMS),))
    copy = copy_of(tmp_path, TERMS)
    copy.unlink() if now is None else copy.write_bytes(now)
    campaign = add_campaign(stage.store, "fair", 20, shape=shape, throttles="10/s", now=NOW)
    other = add_campaign(stage.store, "plain", 20, now=NOW)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport)):
            await until(lambda: stage.campaign(campaign).state == CampaignState.PAUSED)
            reason = stage.campaign(campaign).reason
            assert reason.startswith("errors: The kept copy of “terms.pdf” ")
            assert copy.name in reason
            await until(lambda: stage.states(other) == {MessageState.ACCEPTED: 20})
            assert stage.states(campaign) == {MessageState.QUEUED: 20}
            assert {
                (row.attempts, row.leased_at) for row in stage.rows(tables.messages) if row.campaign_id == campaign
            } == {(0, None)}
            copy.write_bytes(TERMS)
            with stage.store.write() as conn:
                campaigns.change_state(conn, campaign, CampaignState.SENDING, allowed={CampaignState.PAUSED})
            await until(lambda: stage.states(campaign) == {MessageState.ACCEPTED: 20})

    virtually(play)
    assert stage.rows(tables.attempts) == []


def test_only_the_one_message_whose_file_is_gone_waits_and_what_left_stays(stage: Any, tmp_path: Path) -> None:
    campaign = add_campaign(stage.store, "fair", 6, shape=replace(SHAPE, own_files=True), now=NOW)
    own = [b"%d" % n for n in range(6)]
    with_own(stage.store, tmp_path, campaign, own)
    copy_of(tmp_path, own[3]).unlink()

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, connections=1)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert [m.files[0].data for _, m in transport.got] == own[:3]

    virtually(play)
    assert stage.campaign(campaign).state == CampaignState.PAUSED
    assert stage.states(campaign) == {MessageState.ACCEPTED: 3, MessageState.QUEUED: 3}


def test_a_proof_of_a_draft_whose_file_is_gone_is_rejected_with_the_reason(stage: Any, tmp_path: Path) -> None:
    shape = replace(SHAPE, files=(kept(tmp_path, TERMS),))
    copy_of(tmp_path, TERMS).unlink()
    campaign = add_campaign(stage.store, "fair", 1, shape=shape, state=CampaignState.DRAFT, now=NOW)
    with stage.store.write() as conn:
        conn.execute(update(tables.messages).values(wave=int(Wave.PROOF)))

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert transport.got == []

    virtually(play)
    assert stage.states(campaign) == {MessageState.REJECTED: 1}
    (attempt,) = stage.rows(tables.attempts)
    assert "terms.pdf" in attempt.text
