"""A strict SMTP server on loopback that keeps mails and does, when told, what bad servers do.

It offers what it is told to offer (PIPELINING, STARTTLS, AUTH...), notes in `faults` whatever a client may not do, and
asks `answer` before each reply: None for its own, or a reply, or CUT to hang up, or SILENCE to say nothing; HALF before a
reply says it without its line's end, and then nothing more, SLOW says it octet by octet.
"""

import asyncio
import base64
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CUT = "cut"
SILENCE = "silence"
HALF, SLOW = "half:", "slow:"
Answer = Callable[[str, str], str | None]  # command, argument; "CONNECT" for the greeting, "." for the final dot

_PATH = re.compile(r"(FROM|TO):<([^<>\s]*)>((?: \S+)*)", re.IGNORECASE)


@dataclass
class KeptMail:
    mail_from: str
    rcpt_to: list[str]
    data: bytes
    parameters: list[str]


class _GoneError(Exception):
    pass


@dataclass
class SmtpServer:
    """`async with SmtpServer(...) as server:` listens on `server.port`."""

    offers: tuple[str, ...] = ("PIPELINING", "SIZE 1000000", "8BITMIME")
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    users: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)  # of users who log in by XOAUTH2
    answer: Answer = lambda command, argument: None
    data_without_recipients: bool = False  # answer DATA by 354 even when every RCPT was refused, as RFC 2920 allows
    words_before_tls: bytes = b""  # sent in clear, in the same packet as the 220 to STARTTLS
    cut_after: int | None = None  # octets of all replies on the first connection, then hang up
    cut_when_heard: int | None = None  # octets that came on the first connection, then hang up
    delay: float = 0.0  # seconds between taking a mail and answering its final dot
    on_mail: Callable[[KeptMail], None] = lambda mail: None  # called when a mail is taken, before it is answered

    port: int = 0
    mails: list[KeptMail] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)  # all that was said, but for mails
    packets: list[bytes] = field(default_factory=list)  # what came at once
    connections: int = 0
    said: int = 0  # octets
    quitted: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        context = self.tls if self.implicit_tls else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await _Dialogue(self, reader, writer, first=self.connections == 1).run()
        except (_GoneError, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except asyncio.CancelledError:  # the server ends; asyncio would log it as an error
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


class _Dialogue:
    def __init__(
        self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, first: bool
    ) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.first = first
        self.buffer = b""
        self.heard = 0  # octets
        self.encrypted = server.implicit_tls
        self.user = ""
        self.hello = False
        self.reset()

    def reset(self) -> None:
        self.mail_from: str | None = None
        self.rcpt_to: list[str] = []
        self.parameters: list[str] = []

    async def run(self) -> None:
        await self.reply("CONNECT", "", "220 mail.example.net ESMTP")
        while True:
            line = await self.line()
            self.server.commands.append(line)
            if len(line) > 510:
                self.fault(f"a command of {len(line)} octets")
            command, _, argument = line.partition(" ")
            handler = getattr(self, f"do_{command.lower()}", None)
            if handler is None:
                self.fault(f"unknown command: {line[:40]}")
                await self.reply(command, argument, "500 5.5.2 What?")
            else:
                await handler(argument)

    # -- commands

    async def do_ehlo(self, argument: str) -> None:
        self.alone("EHLO")
        if not re.fullmatch(r"[A-Za-z0-9.-]+|\[(IPv6:)?[0-9A-Fa-f.:]+\]", argument):
            self.fault(f"EHLO with {argument!r}")
        self.reset()
        self.hello = True
        lines = ["mail.example.net", *self.server.offers]
        if self.server.tls and not self.encrypted:
            lines.append("STARTTLS")
        mechanisms = ["PLAIN", "LOGIN"] * bool(self.server.users) + ["XOAUTH2"] * bool(self.server.tokens)
        if mechanisms:
            lines.append(f"AUTH {' '.join(mechanisms)}")
        await self.reply("EHLO", argument, "\n".join(f"250{' ' if one is lines[-1] else '-'}{one}" for one in lines))

    async def do_helo(self, argument: str) -> None:
        self.hello = True
        await self.reply("HELO", argument, "250 mail.example.net")

    async def do_starttls(self, argument: str) -> None:
        self.alone("STARTTLS")
        if self.server.tls is None:
            return await self.reply("STARTTLS", argument, "502 5.5.1 No TLS here")
        said = await self.reply("STARTTLS", argument, "220 2.0.0 Go ahead", then=self.server.words_before_tls)
        if said.startswith("220"):
            await self.writer.start_tls(self.server.tls)
            self.encrypted, self.hello = True, False
            self.buffer = b""
        return None

    async def do_auth(self, argument: str) -> None:
        if not self.encrypted:
            self.fault("AUTH in clear")
        mechanism, _, initial = argument.partition(" ")
        if mechanism == "XOAUTH2":
            return await self.xoauth2(initial or await self.challenge(""))
        if mechanism == "PLAIN":
            answer = initial or await self.challenge("")
            _, user, password = base64.b64decode(answer, validate=True).decode().split("\0")
        else:
            user = base64.b64decode(await self.challenge("Username:"), validate=True).decode()
            password = base64.b64decode(await self.challenge("Password:"), validate=True).decode()
        good = self.server.users.get(user) == password
        self.user = user if good else ""
        await self.reply(
            "AUTH", mechanism, "235 2.7.0 Welcome" if good else "535 5.7.8 Authentication credentials invalid"
        )
        return None

    async def xoauth2(self, answer: str) -> None:
        """As Google and Microsoft do it: what is wrong stands in a challenge, which wants an empty answer."""
        said = re.fullmatch(r"user=([^\x01]*)\x01auth=Bearer ([^\x01]*)\x01\x01", base64.b64decode(answer).decode())
        if said and self.server.tokens.get(said[1]) == said[2]:
            self.user = said[1]
            await self.reply("AUTH", "XOAUTH2", "235 2.7.0 Accepted")
            return
        if await self.challenge('{"status":"401","schemes":"Bearer"}') != "":
            self.fault("an answer to what went wrong with XOAUTH2")
        await self.reply("AUTH", "XOAUTH2", "535 5.7.8 Username and token not accepted")

    async def challenge(self, words: str) -> str:
        await self.reply("AUTH", words, f"334 {base64.b64encode(words.encode()).decode()}")
        return await self.line()

    async def do_mail(self, argument: str) -> None:
        path = _PATH.fullmatch(argument)
        if not self.hello or self.mail_from is not None:
            self.fault("MAIL out of order")
            return await self.reply("MAIL", argument, "503 5.5.1 Error: nested MAIL command")
        if path is None or path[1].upper() != "FROM":
            self.fault(f"MAIL {argument}")
            return await self.reply("MAIL", argument, "501 5.1.7 Bad sender address syntax")
        if (self.server.users or self.server.tokens) and not self.user:
            return await self.reply("MAIL", argument, "530 5.7.0 Authentication required")
        if (await self.reply("MAIL", path[2], "250 2.1.0 Ok")).startswith("2"):
            self.mail_from, self.parameters = path[2], path[3].split()
        return None

    async def do_rcpt(self, argument: str) -> None:
        path = _PATH.fullmatch(argument)
        if self.mail_from is None:
            return await self.reply("RCPT", argument, "503 5.5.1 Error: need MAIL command")
        if path is None or path[1].upper() != "TO" or path[3]:
            self.fault(f"RCPT {argument}")
            return await self.reply("RCPT", argument, "501 5.1.3 Bad recipient address syntax")
        if (await self.reply("RCPT", path[2], "250 2.1.5 Ok")).startswith("2"):
            self.rcpt_to.append(path[2])
        return None

    async def do_data(self, argument: str) -> None:
        self.alone("DATA")
        if not self.rcpt_to and not self.server.data_without_recipients:
            return await self.reply("DATA", argument, "554 5.5.1 Error: no valid recipients")
        said = await self.reply("DATA", argument, "354 End data with <CR><LF>.<CR><LF>")
        if not said.startswith("354"):
            return None
        data = await self.mail()
        kept = KeptMail(self.mail_from or "", self.rcpt_to, data, self.parameters)
        self.reset()
        if not kept.rcpt_to:
            await self.reply("LONE DOT", "", "554 5.5.1 Error: no valid recipients")
        else:
            said = self.server.answer(".", kept.rcpt_to[0]) or "250 2.0.0 Ok: queued as 4XABC"
            if said.removeprefix(HALF).removeprefix(SLOW).startswith("2"):
                self.server.mails.append(kept)  # before the answer, as servers do: it may not arrive
                self.server.on_mail(kept)
                await asyncio.sleep(self.server.delay)
            await self.say(".", said)
        return None

    async def do_rset(self, argument: str) -> None:
        self.reset()
        await self.reply("RSET", argument, "250 2.0.0 Ok")

    async def do_quit(self, argument: str) -> None:
        self.alone("QUIT")
        self.server.quitted.set()
        await self.reply("QUIT", argument, "221 2.0.0 Bye")
        raise _GoneError

    # -- the wire

    async def mail(self) -> bytes:
        lines = []
        while (line := await self.octets()) != b".":
            if len(line) > 998:
                self.fault(f"a line of {len(line)} octets in a mail")
            if line.startswith(b"."):
                self.fault("a line of a mail begins with a dot")
            lines.append(line.removeprefix(b"."))
        return b"".join(line + b"\r\n" for line in lines)

    async def line(self) -> str:
        return (await self.octets()).decode("utf-8", "replace")

    async def octets(self) -> bytes:
        while b"\n" not in self.buffer:
            packet = await self.reader.read(self.still_heard())
            if not packet:
                raise _GoneError
            self.server.packets.append(packet)
            self.heard += len(packet)
            self.buffer += packet
        line, _, self.buffer = self.buffer.partition(b"\n")
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            self.fault("a bare CR or LF")
        return line.removesuffix(b"\r")

    def still_heard(self) -> int:
        """Octets that are read before `cut_when_heard`; 0 hangs up."""
        cut = self.server.cut_when_heard if self.first else None
        return 1 << 20 if cut is None else max(0, cut - self.heard)

    def alone(self, command: str) -> None:
        """RFC 2920 3.1: EHLO, DATA, QUIT and STARTTLS may only end a group."""
        if self.buffer:
            self.fault(f"words after {command} without waiting for its answer")

    def fault(self, words: str) -> None:
        self.server.faults.append(words)

    async def reply(self, command: str, argument: str, own: str, then: bytes = b"") -> str:
        said = self.server.answer(command, argument)
        return await self.say(command, own if said is None else said, then)

    async def say(self, command: str, said: str, then: bytes = b"") -> str:
        if self.buffer and "PIPELINING" not in self.server.offers and command != "QUIT":
            self.fault(f"pipelining that was not offered, at {command}")
        if said == CUT:
            raise _GoneError
        if said == SILENCE:
            await asyncio.Event().wait()  # until the connection is torn down
        if said.startswith(HALF):
            self.writer.write(said.removeprefix(HALF).encode())
            await asyncio.Event().wait()
        slowly, said = said.startswith(SLOW), said.removeprefix(SLOW)
        data = said.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n" + then
        left = None if self.server.cut_after is None or not self.first else self.server.cut_after - self.server.said
        self.server.said += len(data)
        if left is not None and len(data) >= left:
            self.writer.write(data[: max(left, 0)])
            await self.writer.drain()
            self.writer.close()
            raise _GoneError
        if slowly:
            for place in range(len(data)):
                self.writer.write(data[place : place + 1])
                await asyncio.sleep(0.001)
        else:
            self.writer.write(data)
        if command == "." or not self.buffer:  # answers to a group leave together, as servers do
            await self.writer.drain()
        return said
