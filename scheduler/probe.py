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
from campaigns.message.headers import split_mailbox
from campaigns.workspace import Workspace
from scheduler.transports.build import build
from scheduler.transports.contract import Transport
from scheduler.transports.maildir import MaildirTransport
from scheduler.transports.sendgrid import SendgridTransport
from scheduler.transports.sendgrid_account import Account, UnreachableError, look_up
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
            return asyncio.run(asyncio.wait_for(_reached(transport, workspace.settings.sender.from_), _PATIENCE))
        except TimeoutError:
            return [Check(name, CheckState.BAD, f"No answer within {_PATIENCE:.0f} s.", _LOOK_AT_HOST)]

    return look


async def _reached(transport: Transport, sender: str) -> Sequence[Check]:
    match transport:
        case MaildirTransport():
            return [_mailbox(transport)]
        case SmtpTransport():
            return await _mail_server(transport)
        case SendgridTransport():
            return await _sendgrid(transport, split_mailbox(sender)[1])
    return [Check(transport.name, CheckState.GOOD, f"Ready ({transport.kind}).")]


def _mailbox(transport: MaildirTransport) -> Check:
    folder = transport.path if transport.path.exists() else transport.path.parent
    if not os.access(folder, os.W_OK):
        return Check(transport.name, CheckState.BAD, f"{folder} cannot be written to.", "Look at its permissions.")
    return Check(transport.name, CheckState.GOOD, "A rehearsal into a mailbox on this computer; nothing leaves.")


async def _mail_server(transport: SmtpTransport) -> Sequence[Check]:
    settings, name = transport.settings, transport.name
    checks: list[Check] = []
    for host in settings.hosts:
        try:
            session = await transport.open_at(host)
        except RefusedError as refused:
            outcome = refused.outcome
            words = " ".join(part for part in (outcome.code, outcome.enhanced, outcome.text) if part)
            remedy = _LOOK_AT_LOGIN if outcome.stage == "auth" else _LOOK_AT_HOST
            checks.append(Check(name, CheckState.BAD, f"{host} says: {words}", remedy))
            continue
        now = SystemClock().now()
        certificate = session.wire.certificate()
        session.wire.abort()
        logged_in = f", and lets {settings.user} in" if settings.user else ""
        encrypted = "without encryption" if settings.tls == "none" else "encrypted"
        checks.append(Check(name, CheckState.GOOD, f"{session.where} answers {encrypted}{logged_in}."))
        checks += [*_certificate(name, host, certificate, now), *_clock(name, host, session.greeting, now)]
    return checks


async def _sendgrid(transport: SendgridTransport, sender: str) -> Sequence[Check]:
    name, url = transport.name, urlsplit(transport.settings.base_url)
    host, secure = str(url.hostname), url.scheme == "https"
    try:
        reader, writer = await asyncio.open_connection(host, url.port or (443 if secure else 80), ssl=secure or None)
        head = await _head(reader, writer, host)
        now = SystemClock().now()
        certificate = writer.get_extra_info("peercert") or {}
        writer.close()
        account = await look_up(transport.settings)
    except (OSError, UnreachableError) as error:
        return [Check(name, CheckState.BAD, f"{host} cannot be reached: {error}.", _LOOK_AT_HOST)]
    checks = [_account(transport, host, account, sender), *_certificate(name, host, certificate, now)]
    return [*checks, *_clock(name, host, head, now)]


def _account(transport: SendgridTransport, host: str, account: Account, sender: str) -> Check:
    if wrong := _wrong_with(account, sender):
        return Check(transport.name, CheckState.BAD, *wrong)
    left = f"; {account.credits_left:,} credits are left" if account.credits_left is not None else ""
    until = f" until {account.credits_until}" if left and account.credits_until else ""
    vouched = f" as {sender}" if account.vouches_for(sender) else ""
    nobody = "; its sandbox delivers nothing" if transport.settings.options.sandbox else ""
    unsaid = "" if vouched else f"; the key may not see whether {sender} is a verified sender"
    sentence = f"{host} answers, and the key may send{vouched}{left}{until}{nobody}{unsaid}."
    return Check(transport.name, CheckState.GOOD, sentence)


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


def _wrong_with(account: Account, sender: str) -> tuple[str, str] | None:
    """A sentence and a remedy."""
    if account.status in (401, 403):
        return "SendGrid does not know the key.", "Make one under Settings, API Keys, and put it into secrets.toml."
    if account.status != 200:
        return f"SendGrid answers {account.status} when it is asked what the key may do.", "Try again later."
    if not account.may_send:
        return "The key may not send mail.", "Give it the permission “Mail Send”, or make another one."
    if account.credits_left is not None and account.credits_left <= 0:
        return "No credits are left at SendGrid: it would take nothing.", "Wait for their reset, or buy some."
    if account.vouches_for(sender) is False:
        return (
            f"SendGrid knows no verified sender {sender}, nor its domain: it would refuse every mail.",
            "Verify it under Settings, Sender Authentication; or change `from` under [sender].",
        )
    return None


_LOOK_AT_HOST = "Look at host, port and tls in mergecast.toml, and whether this computer may reach it."
_LOOK_AT_LOGIN = "Look at user and password, or at what gives the token."
