"""What `doctor` asks of each transport: can it be reached, and does it let us in? Nothing is sent."""

import asyncio
import os
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from campaigns.actions.doctor import Check, CheckState, Probe
from campaigns.errors import SettingsError
from campaigns.workspace import Workspace
from scheduler.transports.build import build
from scheduler.transports.contract import Transport
from scheduler.transports.maildir import MaildirTransport
from scheduler.transports.sendgrid import SendgridTransport
from scheduler.transports.smtp import SmtpTransport
from scheduler.transports.smtp_session import RefusedError

_PATIENCE = 15.0  # seconds for one transport


def probes(workspace: Workspace) -> Sequence[Probe]:
    """One probe for each transport of the settings, whose secrets must be loaded."""
    return [_probe(workspace, name) for name in workspace.settings.transports]


def _probe(workspace: Workspace, name: str) -> Callable[[], Check]:
    def look() -> Check:
        try:
            transport = build(name, workspace.settings.transports[name], workspace.root)
        except SettingsError as error:
            return Check(name, CheckState.BAD, error.sentence, error.remedy)
        try:
            return asyncio.run(asyncio.wait_for(_reached(transport), _PATIENCE))
        except TimeoutError:
            return Check(name, CheckState.BAD, f"No answer within {_PATIENCE:.0f} s.", _LOOK_AT_HOST)

    return look


async def _reached(transport: Transport) -> Check:
    match transport:
        case MaildirTransport():
            return _mailbox(transport)
        case SmtpTransport():
            return await _mail_server(transport)
        case SendgridTransport():
            return await _sendgrid(transport)
    return Check(transport.name, CheckState.GOOD, f"Ready ({transport.kind}).")


def _mailbox(transport: MaildirTransport) -> Check:
    folder = transport.path if transport.path.exists() else transport.path.parent
    if not os.access(folder, os.W_OK):
        return Check(transport.name, CheckState.BAD, f"{folder} cannot be written to.", "Look at its permissions.")
    return Check(transport.name, CheckState.GOOD, "A rehearsal into a mailbox on this computer; nothing leaves.")


async def _mail_server(transport: SmtpTransport) -> Check:
    settings = transport.settings
    for host in settings.hosts:
        try:
            session = await transport.open_at(host)
        except RefusedError as refused:
            outcome = refused.outcome
            words = " ".join(part for part in (outcome.code, outcome.enhanced, outcome.text) if part)
            remedy = _LOOK_AT_LOGIN if outcome.stage == "auth" else _LOOK_AT_HOST
            return Check(transport.name, CheckState.BAD, f"{host} says: {words}", remedy)
        session.wire.abort()
    logged_in = f", and lets {settings.user} in" if settings.user else ""
    encrypted = "without encryption" if settings.tls == "none" else "encrypted"
    hosts = ", ".join(settings.hosts)
    return Check(transport.name, CheckState.GOOD, f"{hosts} port {settings.port} answers {encrypted}{logged_in}.")


async def _sendgrid(transport: SendgridTransport) -> Check:
    url = urlsplit(transport.settings.base_url)
    secure = url.scheme == "https"
    try:
        _, writer = await asyncio.open_connection(url.hostname, url.port or (443 if secure else 80), ssl=secure or None)
    except OSError as error:
        return Check(transport.name, CheckState.BAD, f"{url.hostname} cannot be reached: {error}.", _LOOK_AT_HOST)
    writer.close()
    return Check(
        transport.name,
        CheckState.GOOD,
        f"{url.hostname} answers, and there is a key; sending shows whether it is right.",
    )


_LOOK_AT_HOST = "Look at host, port and tls in mergecast.toml, and whether this computer may reach it."
_LOOK_AT_LOGIN = "Look at user and password, or at what gives the token."
