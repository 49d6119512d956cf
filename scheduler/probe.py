"""What `doctor` asks of each transport: can it be reached, does it let us in, and what do its certificate and its clock say?

Nothing is sent. A transport that leaves nothing is not asked over any network.
"""

import asyncio
import os
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from campaigns.actions.doctor import Probe
from campaigns.actions.doctor_check import Check, CheckState
from campaigns.actions.doctor_clock import date_in, offset
from campaigns.clock import SystemClock
from campaigns.errors import SettingsError
from campaigns.workspace import Workspace
from scheduler.transports.build import build
from scheduler.transports.contract import Transport
from scheduler.transports.maildir import MaildirTransport
from scheduler.transports.sendgrid import SendgridTransport
from scheduler.transports.smtp import SmtpTransport
from scheduler.transports.smtp_session import RefusedError

_PATIENCE = 15.0  # seconds for one transport
_SOON = timedelta(days=21)  # a certificate that is renewed by itself is so with a third of its 90 days left
_MOST_HEAD = 20_000  # bytes of an answer's head


def probes(workspace: Workspace) -> Sequence[Probe]:
    """One probe for each transport of the settings, whose secrets must be loaded."""
    return [_probe(workspace, name) for name in workspace.settings.transports]


def _probe(workspace: Workspace, name: str) -> Callable[[], Sequence[Check]]:
    def look() -> Sequence[Check]:
        try:
            transport = build(name, workspace.settings.transports[name], workspace.root)
        except SettingsError as error:
            return [Check(name, CheckState.BAD, error.sentence, error.remedy)]
        try:
            return asyncio.run(asyncio.wait_for(_reached(transport), _PATIENCE))
        except TimeoutError:
            return [Check(name, CheckState.BAD, f"No answer within {_PATIENCE:.0f} s.", _LOOK_AT_HOST)]

    return look


async def _reached(transport: Transport) -> Sequence[Check]:
    match transport:
        case MaildirTransport():
            return [_mailbox(transport)]
        case SmtpTransport():
            return await _mail_server(transport)
        case SendgridTransport():
            return await _sendgrid(transport)
    return [Check(transport.name, CheckState.GOOD, f"Ready ({transport.kind}).")]


def _mailbox(transport: MaildirTransport) -> Check:
    folder = transport.path if transport.path.exists() else transport.path.parent
    if not os.access(folder, os.W_OK):
        return Check(transport.name, CheckState.BAD, f"{folder} cannot be written to.", "Look at its permissions.")
    return Check(transport.name, CheckState.GOOD, "A rehearsal into a mailbox on this computer; nothing leaves.")


async def _mail_server(transport: SmtpTransport) -> Sequence[Check]:
    settings, name = transport.settings, transport.name
    try:
        session = await transport.open()
    except RefusedError as refused:
        outcome = refused.outcome
        words = " ".join(part for part in (outcome.code, outcome.enhanced, outcome.text) if part)
        remedy = "Look at user and password." if outcome.stage == "auth" else _LOOK_AT_HOST
        return [Check(name, CheckState.BAD, f"{settings.host} says: {words}", remedy)]
    now = SystemClock().now()
    certificate = session.wire.certificate()
    session.wire.abort()
    logged_in = f", and lets {settings.user} in" if settings.user else ""
    encrypted = "without encryption" if settings.tls == "none" else "encrypted"
    reached = f"{settings.host} port {settings.port} answers {encrypted}{logged_in}."
    checks = [Check(name, CheckState.GOOD, reached), *_certificate(name, settings.host, certificate, now)]
    return [*checks, *_clock(name, settings.host, session.greeting, now)]


async def _sendgrid(transport: SendgridTransport) -> Sequence[Check]:
    name, url = transport.name, urlsplit(transport.settings.base_url)
    host, secure = str(url.hostname), url.scheme == "https"
    try:
        reader, writer = await asyncio.open_connection(host, url.port or (443 if secure else 80), ssl=secure or None)
        head = await _head(reader, writer, host)
    except OSError as error:
        return [Check(name, CheckState.BAD, f"{host} cannot be reached: {error}.", _LOOK_AT_HOST)]
    now = SystemClock().now()
    certificate = writer.get_extra_info("peercert") or {}
    writer.close()
    reached = f"{host} answers, and there is a key; sending shows whether it is right."
    checks = [Check(name, CheckState.GOOD, reached), *_certificate(name, host, certificate, now)]
    return [*checks, *_clock(name, host, head, now)]


async def _head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> str:
    """The Date header of an answer to a request that says nothing, the key least of all."""
    writer.write(f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
    head = await reader.read(_MOST_HEAD)
    lines = head.decode("latin-1").split("\r\n")
    return next((line for line in lines if line.lower().startswith("date:")), "")


def _certificate(name: str, host: str, certificate: dict[str, Any], now: datetime) -> Sequence[Check]:
    """How long the server's certificate is good; nothing without encryption."""
    if "notAfter" not in certificate:
        return []
    left = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC) - now
    sentence = f"The certificate of {host} is good for another {left.days} days."
    if left >= _SOON:
        return [Check(f"{name} certificate", CheckState.GOOD, sentence)]
    remedy = "Whoever runs the server must renew it: from then on nothing leaves."
    return [Check(f"{name} certificate", CheckState.WARN, sentence, remedy)]


def _clock(name: str, host: str, said: str, now: datetime) -> Sequence[Check]:
    """How far our clock is from the server's; nothing where it does not tell the time (SMTP servers need not)."""
    theirs = date_in(said)
    return [] if theirs is None else [offset(f"{name} clock", host, theirs, now)]


_LOOK_AT_HOST = "Look at host, port and tls in mergecast.toml, and whether this computer may reach it."
