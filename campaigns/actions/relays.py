"""The settings of a way out, as `init --relay` writes them: into a new workspace, or into one that is there."""

import os
from enum import StrEnum
from pathlib import Path

from campaigns.errors import Where, WorkspaceError
from campaigns.settings import load_settings
from campaigns.settings_file import SECRETS_FILE, SETTINGS_FILE
from campaigns.workspace import Workspace, refuse_foreign


class Relay(StrEnum):
    """Whose settings a new workspace starts with."""

    OFFICE365 = "office365"
    GMAIL = "gmail"
    SENDGRID = "sendgrid"
    OTHER = "other"

    @property
    def transport(self) -> str:
        """What the transport is called in the settings."""
        return "sendgrid" if self is Relay.SENDGRID else "relay"


def add_relay(root: Path, relay: Relay) -> tuple[Workspace, tuple[str, ...]]:
    """Add its transport to the settings of the workspace at `root`: the workspace, and the files that were written.

    A `secrets.toml` that stands there stays as it is. WorkspaceError if there is such a transport, SettingsError if the
    settings cannot be read, and then nothing has changed.
    """
    refuse_foreign(root)
    if relay.transport in load_settings(root, {}).transports:
        raise WorkspaceError(
            f"The settings have a transport {relay.transport!r} already.",
            where=Where(file=SETTINGS_FILE),
            remedy=f"Change it there, under [transports.{relay.transport}].",
        )
    path = root / SETTINGS_FILE
    before = path.read_bytes()
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(RELAYS[relay])
        workspace = Workspace(root, load_settings(root, {}))
    except BaseException:  # like a settings file that ends in the middle of a table
        path.write_bytes(before)
        raise
    return workspace, (SETTINGS_FILE, *_new_secrets(root / SECRETS_FILE, relay))


def sender_line(relay: Relay | None) -> str:
    """The `from` of new settings, with what has to be known about it."""
    return _SENDERS.get(relay, _SENDER) if relay else _SENDER


def secrets(relay: Relay) -> str:
    """A `secrets.toml` with the place for its secret."""
    return _SECRETS.format(transport=relay.transport, key="api_key" if relay is Relay.SENDGRID else "password")


def _new_secrets(path: Path, relay: Relay) -> tuple[str, ...]:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return ()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets(relay))
    return (path.name,)


_SENDER = 'from = "Your Name <you@example.com>"  # change this'
_SENDERS = {
    Relay.SENDGRID: 'from = "Your Name <you@example.com>"  # change this; the address or its domain verified at SendGrid',
    Relay.OFFICE365: 'from = "Your Name <you@example.com>"  # change this; the mailbox that logs in, or one it may send as',
    Relay.GMAIL: 'from = "Your Name <you@gmail.com>"  # change this; the account that logs in',
}

RELAYS = {
    None: """
# [transports.relay]
# kind = "smtp"
# host = "smtp.example.com"
# user = "you@example.com"   # the password goes into secrets.toml (mode 600): [transports.relay] password = "..."
# throttle = ["5/s"]
""",
    Relay.OFFICE365: """
[transports.relay]
kind = "smtp"
host = "smtp.office365.com"
port = 587
tls = "starttls"
user = "you@example.com"            # change this
connections = 3                     # Exchange Online allows three at once for a mailbox
throttle = ["30/min", "10000/d"]    # its limits: 30 messages a minute, 10,000 recipients a day
# An administrator must have allowed "Authenticated SMTP" for this mailbox; many organisations have it switched off.
# Where passwords are refused: token_command = "..." or token_file = "..." gives an access token (docs/transports.md).
""",
    Relay.GMAIL: """
[transports.relay]
kind = "smtp"
host = "smtp.gmail.com"
port = 587
tls = "starttls"
user = "you@gmail.com"              # change this
connections = 2
throttle = ["500/d"]                # Gmail's limit a day; 2000/d with Google Workspace
# The password is an app password (Google account, Security, 2-Step Verification, App passwords), not your own;
# or token_command = "..." or token_file = "..." gives an access token (docs/transports.md).
""",
    Relay.SENDGRID: """
[transports.sendgrid]
kind = "sendgrid"
# base_url = "https://api.eu.sendgrid.com"   # for an EU subuser
batch = 250                         # recipients in one request
# throttle = ["100/s", "50000/d"]   # they count recipients
# The key needs the permission "Mail Send" and nothing else.
""",
    Relay.OTHER: """
[transports.relay]
kind = "smtp"
host = "smtp.example.com"           # change this
port = 587
tls = "starttls"                    # or "implicit", usually on port 465
user = "you@example.com"            # change this
throttle = ["5/s"]                  # ask your provider what it allows
""",
}

_SECRETS = """\
# Only you may read this file (mode 600). Never send it to anybody, never commit it.

[transports.{transport}]
# {key} = "..."
"""
