"""What `doctor` asks of each transport: can it be reached, and does it let us in? Nothing is sent."""

import asyncio
import os
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from campaigns.actions.doctor import Check, CheckState, Probe
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
            return asyncio.run(asyncio.wait_for(_reached(transport, workspace.settings.sender.from_), _PATIENCE))
        except TimeoutError:
            return Check(name, CheckState.BAD, f"No answer within {_PATIENCE:.0f} s.", _LOOK_AT_HOST)

    return look


async def _reached(transport: Transport, sender: str) -> Check:
    match transport:
        case MaildirTransport():
            return _mailbox(transport)
        case SmtpTransport():
            return await _mail_server(transport)
        case SendgridTransport():
            return await _sendgrid(transport, split_mailbox(sender)[1])
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


async def _sendgrid(transport: SendgridTransport, sender: str) -> Check:
    host = urlsplit(transport.settings.base_url).hostname
    try:
        account = await look_up(transport.settings)
    except UnreachableError as error:
        return Check(transport.name, CheckState.BAD, f"{host} cannot be reached: {error}.", _LOOK_AT_HOST)
    if wrong := _wrong_with(account, sender):
        return Check(transport.name, CheckState.BAD, *wrong)
    left = f"; {account.credits_left:,} credits are left" if account.credits_left is not None else ""
    until = f" until {account.credits_until}" if left and account.credits_until else ""
    vouched = f" as {sender}" if account.vouches_for(sender) else ""
    nobody = "; its sandbox delivers nothing" if transport.settings.options.sandbox else ""
    unsaid = "" if vouched else f"; the key may not see whether {sender} is a verified sender"
    return Check(
        transport.name, CheckState.GOOD, f"{host} answers, and the key may send{vouched}{left}{until}{nobody}{unsaid}."
    )


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
