"""The rehearsal, read back by the standard library's mailbox."""

import asyncio
import errno
import mailbox
import os
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from campaigns.message.message import Envelope, Message, Sender
from campaigns.message.mime import to_bytes
from campaigns.message.shape import Escape, Hole, Shape
from scheduler.transports.contract import Blame, Outcome, Verdict
from scheduler.transports.maildir import MaildirConnection, MaildirTransport

SENDER = Sender(1, "Advent", True, "Ada", "ada@example.com")
SHAPE = Shape(
    ("Grüße, ", Hole(0, Escape.PLAIN)), ("Dear ", Hole(0, Escape.PLAIN), ",\n\n.\nbye"), ("<p>", Hole(0, Escape.HTML))
)


def message(number: int) -> Message:
    token = number.to_bytes(8, "big")
    return Message(
        number, token, SENDER, 1, SHAPE, f"p{number}@example.org", (f"Zoë {number}",), datetime(2026, 12, 1, tzinfo=UTC)
    )


def envelope(one: Message) -> Envelope:
    return Envelope(one.id, SENDER.address, one.to)


async def put(connection: MaildirConnection, *numbers: int) -> list[Outcome]:
    messages = [message(number) for number in numbers]
    refusal = await connection.prepare(envelope(messages[0]))
    return [refusal] if refusal else list(await connection.hand_over(messages))


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "mail"


@pytest.fixture
def connection(box: Path) -> MaildirConnection:
    return MaildirTransport("local", box).connect()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_mails_lie_in_new_named_after_their_messages(connection: MaildirConnection, box: Path) -> None:
    outcomes = await put(connection, 1, 2)
    assert [(one.verdict, one.remote_id) for one in outcomes] == [
        (Verdict.ACCEPTED, "1.0000000000000001.eml"),
        (Verdict.ACCEPTED, "2.0000000000000002.eml"),
    ]
    assert names(box / "new") == ["1.0000000000000001.eml", "2.0000000000000002.eml"]
    assert names(box / "tmp") == []


async def test_a_mail_program_reads_what_was_assembled(connection: MaildirConnection, box: Path) -> None:
    await put(connection, 7)
    folder = mailbox.Maildir(box, create=False)
    (key,) = folder.keys()
    got = message_from_bytes(folder.get_bytes(key), policy=default)
    meant = message_from_bytes(to_bytes(message(7)), policy=default)
    assert [(name, str(value)) for name, value in got.items()] == [(name, str(value)) for name, value in meant.items()]
    for kind in ("plain", "html"):
        body, meant_body = got.get_body((kind,)), meant.get_body((kind,))
        assert body is not None
        assert meant_body is not None
        assert body.get_content() == meant_body.get_content().replace("\r\n", "\n")


async def test_lines_end_as_files_end_them(connection: MaildirConnection, box: Path) -> None:
    await put(connection, 1)
    assert b"\r" not in next((box / "new").iterdir()).read_bytes()


async def test_a_mail_is_nobody_elses_to_read(connection: MaildirConnection, box: Path) -> None:
    await put(connection, 1)
    assert next((box / "new").iterdir()).stat().st_mode & 0o777 == 0o600
    assert box.joinpath("new").stat().st_mode & 0o777 == 0o700


async def test_the_same_message_again_is_the_same_file(connection: MaildirConnection, box: Path) -> None:
    await put(connection, 1)
    assert [one.verdict for one in await put(connection, 1, 2)] == [Verdict.ACCEPTED] * 2
    assert len(names(box / "new")) == 2


@pytest.mark.parametrize("flags", [":2,", ":2,S", ":2,RS", "!2,S", ";2,S"])
async def test_a_mail_that_was_read_does_not_come_again(connection: MaildirConnection, box: Path, flags: str) -> None:
    await put(connection, 1, 2)
    (box / "new" / "1.0000000000000001.eml").rename(box / "cur" / f"1.0000000000000001.eml{flags}")
    for again in (connection, MaildirTransport("local", box).connect()):
        assert [one.verdict for one in await put(again, 1, 2, 3)] == [Verdict.ACCEPTED] * 3
    assert names(box / "new") == ["2.0000000000000002.eml", "3.0000000000000003.eml"]


async def test_a_mail_read_between_two_batches_does_not_come_again(connection: MaildirConnection, box: Path) -> None:
    (box / "cur").mkdir(parents=True)
    os.utime(box / "cur", (0, 0))  # long unchanged, so that the next look is remembered
    await put(connection, 5)
    await put(connection, 6)
    (box / "new" / "5.0000000000000005.eml").rename(box / "cur" / "5.0000000000000005.eml:2,S")
    os.utime(box / "cur", (9, 9))
    await put(connection, 5)
    (box / "new" / "6.0000000000000006.eml").rename(box / "cur" / "6.0000000000000006.eml:2,S")
    os.utime(box / "cur", (10, 10))
    await put(connection, 6, 5)
    assert names(box / "new") == []


async def test_other_mails_in_the_mailbox_are_left_alone(connection: MaildirConnection, box: Path) -> None:
    await put(connection, 1)
    for folder in ("new", "cur"):
        (box / folder / "1700000000.M1P2.host").write_text("Subject: mine\n\n")
    await put(connection, 1, 2)
    assert "1700000000.M1P2.host" in names(box / "new")
    assert names(box / "cur") == ["1700000000.M1P2.host"]


async def test_a_crash_before_the_rename_leaves_no_half_mail(connection: MaildirConnection, box: Path) -> None:
    await connection.prepare(envelope(message(1)))
    (box / "tmp" / "1.0000000000000001.eml").write_bytes(b"Subject: ha")
    await put(connection, 1)
    assert (box / "new" / "1.0000000000000001.eml").read_bytes() == to_bytes(message(1)).replace(b"\r\n", b"\n")


async def test_a_full_disk_is_an_outage_and_leaves_nothing(
    connection: MaildirConnection, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, room = os.write, [1_000]

    def nearly_full(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(file, data[: room[0]])
        room[0] -= written
        return written

    await connection.prepare(envelope(message(1)))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", nearly_full)
        outcomes = await put(connection, 1, 2, 3)
    assert [(one.verdict, one.blame) for one in outcomes] == [(Verdict.RETURNED, Blame.OUTAGE)] * 3
    assert outcomes[0].text.startswith("The mailbox cannot be written: No space left on device")
    assert names(box / "new") == names(box / "tmp") == []
    assert [one.verdict for one in await put(connection, 1, 2, 3)] == [Verdict.ACCEPTED] * 3


async def test_a_write_that_takes_a_part_is_continued(
    connection: MaildirConnection, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:100]))
    await put(connection, 1)
    monkeypatch.undo()
    assert (box / "new" / "1.0000000000000001.eml").read_bytes() == to_bytes(message(1)).replace(b"\r\n", b"\n")


async def test_a_file_where_the_mailbox_should_be_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("no folder")
    (outcome,) = await put(MaildirTransport("local", tmp_path / "mail").connect(), 1)
    assert (outcome.verdict, outcome.blame) == (Verdict.RETURNED, Blame.OUTAGE)
    assert str(tmp_path / "mail") in outcome.text


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
async def test_without_syncfs_each_file_is_brought_to_the_disk(
    connection: MaildirConnection, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Any] = []
    monkeypatch.setattr("scheduler.transports.maildir._SYNCFS", None)
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(str(Path(f"/proc/self/fd/{file}").readlink())))
    await put(connection, 1)
    assert synced == [str(box / "tmp" / "1.0000000000000001.eml"), str(box / "new")]


async def test_two_connections_write_at_the_same_time(box: Path) -> None:
    transport = MaildirTransport("local", box)
    await asyncio.gather(*[put(transport.connect(), *range(start, start + 50)) for start in (1, 51)])
    assert len(names(box / "new")) == 100


def test_a_rehearsal_does_not_leave() -> None:
    assert MaildirTransport("local", Path("mail")).leaves is False
