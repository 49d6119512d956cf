"""What an SMTP server says: reading it within bounds, and judging who is to blame.

| where             | what                                              | the message            | blame        |
|-------------------|---------------------------------------------------|------------------------|--------------|
| anywhere          | 421                                               | returned               | outage       |
| before RCPT       | 4xx                                               | returned               | outage       |
| AUTH, MAIL        | 5xx, or an account without credits                | returned, pauses       | us           |
| connect           | 5xx                                               | returned               | us           |
| RCPT, DATA, body  | 4xx                                               | deferred               | recipient    |
|                   | 5xx X.1.x, X.2.x (not X.1.7, X.1.8: the sender's) | rejected               | recipient    |
|                   | 5xx X.4.x: no way there at the moment             | deferred               | recipient    |
|                   | 5xx with any other enhanced code                  | returned               | us           |
| RCPT              | 5xx without one (or 5.0.0, which says nothing)    | rejected               | recipient    |
| DATA, body        | the same                                          | returned               | us           |
"""

import re
from collections import deque
from functools import lru_cache
from typing import NamedTuple

from scheduler.transports.contract import Blame, Outcome, Stage, Verdict

_LONGEST_LINE = 2_048  # RFC 5321 4.5.3.1.5 has 512; some servers print whole stories
_LONGEST_REPLY = 65_536
_MOST_WAITING = 16  # replies that nobody has asked for yet; a pipelined group has at most five
_LONGEST_TEXT = 500

_ENDLESS = "The server talks without end."
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])|$)(.*)", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\S)")
_REMOTE_ID = re.compile(r"(?:queued as|\bid=|OK id=)\s*<?([\w.@+-]+)", re.IGNORECASE)
_NO_CREDIT = re.compile(r"credits? exceeded|messaging limits", re.IGNORECASE)  # SendGrid says it with 451
_AGAINST_PIPELINING = re.compile(r"pipelin|synchroni[sz]ation", re.IGNORECASE)  # Postfix; Exim
_OF_THE_SENDER = ("1.7", "1.8")  # RFC 3463 3.2: bad sender's address


class Reply(NamedTuple):
    """One reply: its code, and its lines without it."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        return printable(b" ".join(self.lines))


class GarbageError(Exception):
    """What came is no SMTP."""


class Replies:
    """Bytes in, replies out, in bounded memory."""

    def __init__(self) -> None:
        self._rest = b""
        self._code = 0  # of the reply whose lines are coming in
        self._lines: list[bytes] = []
        self._octets = 0
        self.waiting: deque[Reply] = deque()  # that nobody has asked for yet

    def feed(self, data: bytes) -> None:
        """Take what arrived; raises GarbageError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise GarbageError("The server sent a line without an end.")
        for line in lines:
            self._take(line)

    def next(self) -> Reply | None:
        return self.waiting.popleft() if self.waiting else None

    def agreed(self) -> bool:
        """Take the next three if they are there and say yes to MAIL, RCPT and DATA (RFC 5321 4.3.2)."""
        waiting = self.waiting
        if len(waiting) < 3 or waiting[0].code != 250 or waiting[1].code not in (250, 251) or waiting[2].code != 354:
            return False
        for _ in range(3):
            waiting.popleft()
        return True

    def clear(self) -> None:
        """Forget everything, half a line included."""
        self._rest = b""
        self._lines.clear()
        self.waiting.clear()
        self._octets = 0

    def _take(self, line: bytes) -> None:
        goes_on, alone = _parsed(line)
        if goes_on or self._lines:
            self._take_part(line, alone, goes_on=goes_on)
        elif len(self.waiting) >= _MOST_WAITING:
            raise GarbageError(_ENDLESS)
        else:
            self.waiting.append(alone)

    def _take_part(self, line: bytes, part: Reply, *, goes_on: bool) -> None:
        """A line of a reply that has several."""
        if self._lines and part.code != self._code:
            raise GarbageError(f"The server changed its code within a reply: {printable(line[:60])}")
        self._octets += len(line)
        if self._octets > _LONGEST_REPLY or len(self.waiting) >= _MOST_WAITING:
            raise GarbageError(_ENDLESS)
        self._code = part.code
        self._lines += part.lines
        if not goes_on:
            self.waiting.append(Reply(self._code, tuple(self._lines)))
            self._lines.clear()
            self._octets = 0


@lru_cache(maxsize=128)  # servers say the same again and again
def _parsed(line: bytes) -> tuple[bool, Reply]:
    """Whether the reply goes on, and the reply if the line is all of it."""
    line = line.removesuffix(b"\r")
    found = _LINE.fullmatch(line)
    if found is None or len(line) > _LONGEST_LINE:
        raise GarbageError(f"The server sent what is no SMTP: {printable(line[:60])}")
    code, mark, text = found.groups()
    return mark == b"-", Reply(int(code), (text,))


def judge(stage: Stage, reply: Reply, text: str) -> Outcome:
    """What the reply means for the message; `text` is its words without secrets."""
    found = _ENHANCED.match(text)
    enhanced, code = found[0] if found else "", str(reply.code)
    if stage is Stage.BODY and reply.code < 300:
        return Outcome(Verdict.ACCEPTED, stage, Blame.NOBODY, code, enhanced, text, _remote_id(text))
    blame, verdict = _blame_and_verdict(stage, reply.code, enhanced.partition(".")[2], text)
    pauses = blame is Blame.US and stage in (Stage.TLS, Stage.AUTH, Stage.MAIL)
    return Outcome(verdict, stage, blame, code, enhanced, text, pauses=pauses)


def _blame_and_verdict(stage: Stage, code: int, subject: str, text: str) -> tuple[Blame, Verdict]:
    """`subject` is the enhanced code without its class: "1.1"."""
    if code == 421:
        return Blame.OUTAGE, Verdict.RETURNED
    if stage not in (Stage.RCPT, Stage.DATA, Stage.BODY):
        return _blame_before_rcpt(stage, code, text), Verdict.RETURNED
    if 400 <= code < 500:
        return Blame.RECIPIENT, Verdict.DEFERRED
    if code < 500:  # a positive answer where none belongs
        return (Blame.OUTAGE, Verdict.UNCERTAIN) if stage is Stage.BODY else (Blame.OUTAGE, Verdict.RETURNED)
    area = subject[:2]
    if area in ("1.", "2.") and subject not in _OF_THE_SENDER:
        return Blame.RECIPIENT, Verdict.REJECTED
    if area == "4.":
        return Blame.RECIPIENT, Verdict.DEFERRED
    if area in ("", "0.") and stage is Stage.RCPT:
        return Blame.RECIPIENT, Verdict.REJECTED
    return Blame.US, Verdict.RETURNED


def _blame_before_rcpt(stage: Stage, code: int, text: str) -> Blame:
    refused = code >= 500 or (stage in (Stage.AUTH, Stage.MAIL) and _NO_CREDIT.search(text))
    return (
        Blame.US if refused or (stage is Stage.AUTH and code == 432) else Blame.OUTAGE
    )  # RFC 4954: a new password is due


def complains_of_pipelining(reply: Reply) -> bool:
    return reply.code >= 500 and bool(_AGAINST_PIPELINING.search(reply.text))


def printable(data: bytes) -> str:
    """Foreign bytes as one line of at most 500 characters."""
    text = data.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join([letter if letter.isprintable() else " " for letter in text])
    return " ".join(text.split())[:_LONGEST_TEXT]


def _remote_id(text: str) -> str:
    found = _REMOTE_ID.search(text)
    return found[1] if found else ""
