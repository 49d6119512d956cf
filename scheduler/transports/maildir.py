"""A rehearsal: each mail as a file of a Maildir (https://cr.yp.to/proto/maildir.html) that any mail program opens.

A file is named after its message (`4d.0102030405060708.eml`), so a mail handed over again is the same file, also when
a mail program has moved it from `new` to `cur` and added its flags. A batch is written to `tmp`, brought to the disk,
and only then renamed into `new`: what was answered as accepted outlives a power cut, and no half mail is ever seen.
"""

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from campaigns.message.message import Envelope, Message, handle
from campaigns.message.mime import pieces
from scheduler.transports.contract import Blame, Outcome, Stage, Verdict

_MODE = 0o600  # mails are nobody else's to read
_COARSE = 1_000_000_000  # ns; file systems keep times this coarsely at worst


class MaildirTransport:
    """A mailbox folder on this machine; made when the first mail comes."""

    kind = "maildir"
    leaves = False
    connections = 2  # one writes while the other's batch is settled
    batch = 100

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path

    def connect(self) -> "MaildirConnection":
        return MaildirConnection(self.path)

    async def close(self) -> None:
        """Nothing is kept open."""


class MaildirConnection:
    host = ""
    opened = 0

    def __init__(self, path: Path) -> None:
        self._tmp, self._new, self._cur = (path / name for name in ("tmp", "new", "cur"))
        self._read = _ReadMails(self._cur)

    async def prepare(self, envelope: Envelope) -> Outcome | None:
        return await asyncio.to_thread(self._make_folders)

    async def hand_over(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        return await asyncio.to_thread(self._write, messages)

    async def abandon(self) -> None:
        """Nothing was begun."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _make_folders(self) -> Outcome | None:
        try:
            for folder in (self._tmp, self._new, self._cur):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            return _outage(error, Stage.CONNECT)
        return None

    def _write(self, messages: Sequence[Message]) -> list[Outcome]:
        """All of the batch, or an outage: what was written before it is found by its name the next time."""
        mails = {f"{handle(message.id, message.token)}.eml": message for message in messages}
        try:
            names = [name for name in mails if not (self._new / name).exists()]
            names = self._read.without(names)  # after `new`: mails only ever move from there to `cur`
            self._write_to_tmp({name: mails[name] for name in names})
            for name in names:
                (self._tmp / name).rename(self._new / name)
            _folder_to_disk(self._new)
        except OSError as error:
            return [_outage(error, Stage.BODY)] * len(messages)
        return [Outcome(Verdict.ACCEPTED, Stage.BODY, remote_id=name) for name in mails]

    def _write_to_tmp(self, mails: dict[str, Message]) -> None:
        files: list[int] = []
        try:
            for name, message in mails.items():
                file = os.open(self._tmp / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
                files.append(file)
                for piece in pieces(message):
                    _write_whole(file, piece.replace(b"\r\n", b"\n"))  # files end their lines as Unix does
            _to_disk(files)
        except OSError:
            for name in mails:
                (self._tmp / name).unlink(missing_ok=True)
            raise
        finally:
            for file in files:
                os.close(file)


class _ReadMails:
    """Which mails a mail program has moved to `cur`, in flat memory and seldom looked up."""

    def __init__(self, cur: Path) -> None:
        self._cur = cur
        self._changed_at: int | None = None  # of the folder, when it was last looked through
        self._highest = -1  # message id then

    def without(self, names: list[str]) -> list[str]:
        """The names that do not stand in `cur`, whatever flags follow them there."""
        changed_at = self._cur.stat().st_mtime_ns
        if changed_at == self._changed_at and all(_message_id(name) > self._highest for name in names):
            return names
        wanted = dict.fromkeys(names)
        highest = -1
        with os.scandir(self._cur) as entries:
            for entry in entries:
                name = entry.name.partition(".eml")[0] + ".eml"  # flags: ":2,S", and "!2,S" or ";2,S" elsewhere
                wanted.pop(name, None)
                highest = max(highest, _message_id(name))
        self._highest = highest
        settled = time.time_ns() - changed_at > _COARSE  # else it may change again without a newer time
        self._changed_at = changed_at if settled else None
        return list(wanted)


def _message_id(name: str) -> int:
    """The id in one of our names; -1 for other mails in the mailbox."""
    try:
        return int(name.partition(".")[0], 16)
    except ValueError:
        return -1


def _write_whole(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]  # a nearly full disk takes a part


def _to_disk(files: Sequence[int]) -> None:
    """Wait until the disk has the files; Linux does all of a file system at once, ten times faster than one by one."""
    if not files:
        return
    if _SYNCFS is None:
        for file in files:
            os.fsync(file)
    elif _SYNCFS(files[0]) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _folder_to_disk(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _outage(error: OSError, stage: Stage) -> Outcome:
    text = f"The mailbox cannot be written: {error.strerror or error} ({error.filename or 'disk'})."
    return Outcome(Verdict.RETURNED, stage, Blame.OUTAGE, text=text)


_SYNCFS: Callable[[int], int] | None = (
    getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if sys.platform == "linux" else None
)
