"""Copies by hash: written whole or not at all, read only if they are what was checked, removed when nobody needs them."""

import hashlib
import io
import os
from pathlib import Path

import pytest
from sqlalchemy import select, update

from campaigns.errors import StoreError
from campaigns.message.attachment import Attachment
from campaigns.model.states import MessageState, Wave
from campaigns.store import files, staging, tables
from campaigns.store.kept_files import KeptFiles
from tests.doubles.filled_store import add_campaign, new_store

DATA = b"%PDF-1.7 and more"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def kept(tmp_path: Path) -> KeptFiles:
    return KeptFiles(tmp_path)


def copies(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "attachments" / ".kept").glob("*"))


def test_a_file_is_kept_once_by_its_hash(kept: KeptFiles, tmp_path: Path) -> None:
    for _ in range(2):
        assert kept.keep(io.BytesIO(DATA), 100) == (SHA256, len(DATA))
    assert copies(tmp_path) == [SHA256]
    assert kept.read(SHA256, len(DATA)) == DATA
    assert (tmp_path / "attachments/.kept" / SHA256).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "attachments/.kept").stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_too_long_leaves_nothing(kept: KeptFiles, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        kept.keep(io.BytesIO(DATA), len(DATA) - 1)
    assert copies(tmp_path) == []


def test_a_kill_within_the_copy_leaves_nothing_under_the_hash(kept: KeptFiles, tmp_path: Path) -> None:
    class Cut(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise KeyboardInterrupt
            return super().read(5)

    with pytest.raises(KeyboardInterrupt):
        kept.keep(Cut(DATA), 100)
    assert copies(tmp_path) == []


@pytest.mark.parametrize("now", [b"", DATA[:-1], DATA + b"x", DATA.replace(b"7", b"8"), None])
def test_a_copy_that_was_changed_is_not_read_and_is_mended_by_the_next_check(
    kept: KeptFiles, tmp_path: Path, now: bytes | None
) -> None:
    kept.keep(io.BytesIO(DATA), 100)
    path = tmp_path / "attachments/.kept" / SHA256
    path.unlink() if now is None else path.write_bytes(now)
    with pytest.raises(StoreError):
        kept.read(SHA256, len(DATA))
    kept.keep(io.BytesIO(DATA), 100)
    assert kept.read(SHA256, len(DATA)) == DATA


def an_attachment(data: bytes) -> Attachment:
    return Attachment("a.pdf", hashlib.sha256(data).hexdigest(), len(data))


def test_files_go_with_the_last_campaign_that_carries_them(tmp_path: Path) -> None:
    store, kept = new_store(tmp_path), KeptFiles(tmp_path)
    one, other = add_campaign(store, "one", 1), add_campaign(store, "other", 1)
    for data in (b"both", b"one"):
        kept.keep(io.BytesIO(data), 100)
    with store.write() as conn:
        files.keep(conn, one, [an_attachment(b"both"), an_attachment(b"one")], at=1)
        files.keep(conn, other, [an_attachment(b"both")], at=2)
        assert files.forget_some(conn, one, limit=10, kept=kept) == 2
    assert copies(tmp_path) == [hashlib.sha256(b"both").hexdigest()]
    with store.write() as conn:
        assert files.forget_some(conn, other, limit=10, kept=kept) == 1
        assert files.forget_some(conn, other, limit=10, kept=kept) == 0
        assert conn.scalars(select(tables.files.c.id)).all() == []
    assert copies(tmp_path) == []
    store.close()


def test_files_stay_while_a_proof_is_on_its_way(tmp_path: Path) -> None:
    store, kept = new_store(tmp_path), KeptFiles(tmp_path)
    campaign = add_campaign(store, "one", 1)
    kept.keep(io.BytesIO(b"x"), 100)
    with store.write() as conn:
        files.keep(conn, campaign, [an_attachment(b"x")], at=1)
        conn.execute(update(tables.messages).values(wave=int(Wave.PROOF), state=int(MessageState.QUEUED)))
        assert files.forget_some(conn, campaign, limit=10, kept=kept) == 0
        conn.execute(update(tables.messages).values(state=int(MessageState.ACCEPTED)))
        assert files.forget_some(conn, campaign, limit=10, kept=kept) == 1
    store.close()


def test_what_a_crash_left_is_swept_after_an_hour_and_what_is_known_stays(tmp_path: Path) -> None:
    store, kept = new_store(tmp_path), KeptFiles(tmp_path)
    campaign = add_campaign(store, "one", 1)
    for data in (b"known", b"unknown", b"new"):
        kept.keep(io.BytesIO(data), 100)
    folder = tmp_path / "attachments/.kept"
    (folder / "0011.part").touch()
    for path in folder.iterdir():
        if path.name != hashlib.sha256(b"new").hexdigest():
            os.utime(path, (1_000, 1_000))
    with store.write() as conn:
        files.keep(conn, campaign, [an_attachment(b"known")], at=1)
    files.sweep(store, kept, (folder / hashlib.sha256(b"new").hexdigest()).stat().st_mtime + 60)
    assert copies(tmp_path) == sorted(hashlib.sha256(data).hexdigest() for data in (b"known", b"new"))
    store.close()


def test_a_message_that_is_removed_takes_its_list_of_files_along(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    campaign = add_campaign(store, "one", 3)
    with store.write() as conn:
        columns = tables.messages.c
        messages = conn.execute(select(columns.id, columns.address_id, columns.recipient_id)).all()
        both = (an_attachment(b"x"), an_attachment(b"y"))
        own: files.OwnFiles = {(address, recipient): both for _, address, recipient in messages[:2]}
        ids = files.keep(conn, campaign, next(iter(own.values())), at=1)
        files.of_recipients(conn, campaign, own, ids)
        found = files.own(conn, [message.id for message in messages])
        assert [found[message.id] for message in messages] == [*own.values(), ()]
        staging.remove_messages(conn, campaign, limit=10)
        assert conn.execute(select(tables.message_files)).all() == []
    store.close()
