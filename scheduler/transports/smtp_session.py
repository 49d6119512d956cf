"""Opening a session with an SMTP server: connect, greet, encrypt."""

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import certifi

from scheduler.transports.contract import Blame, Outcome, Stage, Verdict
from scheduler.transports.smtp_replies import Reply, judge
from scheduler.transports.smtp_wire import CutError, Wire
from scheduler.transports.token import Token

_HOST_NAME = re.compile(r"(?=.{1,255}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One mail server, and how to talk to it."""

    name: str  # the settings' name: "relay"
    hosts: tuple[str, ...]
    port: int
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str = ""  # "" for no login
    password: str = field(default="", repr=False)
    token: Token | None = None  # instead of a password
    ca_file: Path | None = None  # trusted instead of the machine's own certificates
    connections: int = 4
    messages_a_connection: int = 1_000  # SendGrid ends one at 5,000


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; RFC 5321 4.5.3.2 where it names one."""

    connect: float = 30
    handshake: float = 60
    command: float = 300  # greeting, MAIL, RCPT and all that has no own entry
    data: float = 120
    block: float = 180
    final_dot: float = 600
    rest: float = 30  # a kept connection without work; servers cut at five minutes, some much earlier
    goodbye: float = 2


@dataclass(frozen=True, slots=True)
class Features:
    """What the server offers, from its answer to the last EHLO."""

    pipelining: bool = False
    starttls: bool = False
    smtputf8: bool = False
    eight_bit: bool = False
    size: int = 0  # octets; 0 = no limit known
    auth: frozenset[str] = frozenset()


class RefusedError(Exception):
    """No session, and why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


class Session:
    """A wire with what is known of the far side."""

    def __init__(self, host: str, port: int, timeouts: Timeouts) -> None:
        self.host = host
        self.where = f"{host} port {port}"
        self.wire = Wire()
        self.features = Features()
        self.stage = Stage.CONNECT
        self.greeting = ""
        self._timeouts = timeouts
        self._hidden: set[str] = set()
        self._secrets: re.Pattern[str] | None = None

    async def hear(self, stage: Stage) -> Reply:
        """The next reply; a 421 at any stage is the server's goodbye and raises CutError."""
        self.stage = stage
        reply = self.wire.heard() or await self.wire.reply(
            self._timeouts.data if stage is Stage.DATA else self._timeouts.command
        )
        if reply.code == 421:
            raise CutError(self.words(reply), "421")
        return reply

    async def ask(self, stage: Stage, command: str) -> Reply:
        self.wire.write(f"{command}\r\n".encode())
        return await self.hear(stage)

    def judged(self, stage: Stage, reply: Reply) -> Outcome:
        return judge(stage, reply, self.words(reply))

    def hide(self, *secrets: str) -> None:
        """Keep these out of everything that is told of the server's words."""
        self._hidden.update(filter(None, secrets))
        longest_first = sorted(self._hidden, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def words(self, reply: Reply) -> str:
        """The server's words; what it may echo of the login is taken out."""
        text = reply.text
        return self._secrets.sub("***", text) if self._secrets else text


async def open_session(
    settings: SmtpSettings, host: str, context: ssl.SSLContext | None, own_name: str, timeouts: Timeouts
) -> Session:
    """A session that waits for MAIL; raises RefusedError. `own_name` is for EHLO, "" to use the address."""
    session = Session(host, settings.port, timeouts)
    with dropped_on_failure(session):
        await _connect(session, settings, context, timeouts)
        await _greet(session)
        await _say_hello(session, settings, own_name)
        if settings.tls == "starttls":
            await _start_tls(session, context, timeouts)
            await _say_hello(session, settings, own_name)
    return session


@contextmanager
def dropped_on_failure(session: Session) -> Iterator[None]:
    """What fails within leaves no connection behind; one that ended is an outage: RefusedError."""
    try:
        yield
    except CutError as cut:
        session.wire.abort()
        raise RefusedError(outage(session.stage, cut.sentence, cut.code)) from None
    except BaseException:
        session.wire.abort()
        raise


def outage(stage: Stage, sentence: str, code: str = "") -> Outcome:
    return Outcome(Verdict.RETURNED, stage, Blame.OUTAGE, code=code, text=sentence)


def our_fault(stage: Stage, sentence: str) -> Outcome:
    """What a person has to set right before anything can be sent."""
    return Outcome(Verdict.RETURNED, stage, Blame.US, text=sentence, pauses=True)


def trusting(settings: SmtpSettings) -> ssl.SSLContext:
    """Certificates are always checked; raises RefusedError when `ca_file` cannot be used."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        sentence = f"{settings.ca_file} holds no certificates that can be read: {error.strerror or error}."
        raise RefusedError(our_fault(Stage.TLS, sentence)) from None
    if settings.ca_file is None:
        context.load_verify_locations(certifi.where())  # Python on macOS knows none by itself
    return context


async def _connect(
    session: Session, settings: SmtpSettings, context: ssl.SSLContext | None, timeouts: Timeouts
) -> None:
    implicit = settings.tls == "implicit"
    try:
        async with asyncio.timeout(timeouts.connect + (timeouts.handshake if implicit else 0)):
            await asyncio.get_running_loop().create_connection(
                lambda: session.wire,
                session.host,
                settings.port,
                ssl=context if implicit else None,
                server_hostname=session.host if implicit else None,
                ssl_handshake_timeout=timeouts.handshake if implicit else None,
                ssl_shutdown_timeout=1 if implicit else None,
            )
    except ssl.SSLError as error:
        raise RefusedError(_tls_failure(error, session.where)) from None
    except UnicodeError:
        raise RefusedError(our_fault(Stage.CONNECT, f"{session.host} is no host name.")) from None
    except TimeoutError:
        raise CutError(f"No connection to {session.where} in {timeouts.connect:g} s.") from None
    except OSError as error:
        raise CutError(f"No connection to {session.where}: {error.strerror or error}.") from None


async def _greet(session: Session) -> None:
    greeting = await session.hear(Stage.CONNECT)
    session.greeting = greeting.text
    if greeting.code != 220:
        raise RefusedError(session.judged(Stage.CONNECT, greeting))


async def _say_hello(session: Session, settings: SmtpSettings, own_name: str) -> None:
    name = own_name or _address_literal(session.wire.local_address())
    reply = await session.ask(Stage.CONNECT, f"EHLO {name}")
    if reply.code == 250:
        session.features = _features(reply)
        return
    session.features = Features()
    if reply.code >= 500 and settings.tls == "none" and not settings.user:  # a server from before 1995
        reply = await session.ask(Stage.CONNECT, f"HELO {name}")
    if reply.code != 250:
        raise RefusedError(session.judged(Stage.CONNECT, reply))


async def _start_tls(session: Session, context: ssl.SSLContext | None, timeouts: Timeouts) -> None:
    if not session.features.starttls:
        sentence = f'{session.where} offers no STARTTLS, which tls = "starttls" asks for.'
        raise RefusedError(our_fault(Stage.TLS, sentence))
    reply = await session.ask(Stage.TLS, "STARTTLS")
    if reply.code != 220:
        raise RefusedError(session.judged(Stage.TLS, reply))
    assert context is not None
    try:
        await session.wire.start_tls(context, session.host, timeouts.handshake)
    except ssl.SSLError as error:
        raise RefusedError(_tls_failure(error, session.where)) from None
    except OSError as error:
        raise CutError(f"The connection broke while it was being encrypted: {error.strerror or error}.") from None
    session.features = Features()  # what was said in clear may be anyone's words (RFC 3207 4.2)


def _features(reply: Reply) -> Features:
    offered: dict[str, list[str]] = {}
    for line in reply.lines[1:]:
        keyword, *parameters = line.decode("ascii", "replace").upper().replace("AUTH=", "AUTH ").split() or [""]
        offered.setdefault(keyword, []).extend(parameters)
    size = "".join(offered.get("SIZE", ())[:1])
    return Features(
        pipelining="PIPELINING" in offered,
        starttls="STARTTLS" in offered,
        smtputf8="SMTPUTF8" in offered,
        eight_bit="8BITMIME" in offered,
        size=int(size) if size.isdecimal() and size.isascii() else 0,
        auth=frozenset(offered.get("AUTH", ())),
    )


def _tls_failure(error: ssl.SSLError, where: str) -> Outcome:
    if isinstance(error, ssl.SSLCertVerificationError):
        return our_fault(Stage.TLS, f"The certificate of {where} is not to be trusted: {error.verify_message}.")
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"):
        return our_fault(Stage.TLS, f'{where} does not begin with TLS. Try tls = "starttls".')
    return outage(Stage.TLS, f"No encrypted connection to {where}: {error.reason or error}.")


def _address_literal(address: str) -> str:
    """RFC 5321 4.1.3"""
    bare = ipaddress.ip_address(address.partition("%")[0])
    return f"[IPv6:{bare}]" if bare.version == 6 else f"[{bare}]"


def usable_name(fqdn: str) -> str:
    """The machine's name if it is one that a server may look up, else ""."""
    return fqdn if _HOST_NAME.fullmatch(fqdn) and not fqdn.endswith((".local", ".localdomain", ".arpa")) else ""
