"""Transports from their settings."""

import shlex
from pathlib import Path

from campaigns.errors import SettingsError
from campaigns.settings import Settings
from campaigns.settings_transports import MaildirSettings, TransportSettings
from campaigns.settings_transports import SendgridSettings as SendgridTable
from campaigns.settings_transports import SmtpSettings as SmtpTable
from scheduler.transports.contract import Transport
from scheduler.transports.maildir import MaildirTransport
from scheduler.transports.sendgrid_options import Options
from scheduler.transports.smtp import SmtpTransport
from scheduler.transports.smtp_session import SmtpSettings
from scheduler.transports.token import Token


def build(name: str, table: TransportSettings, root: Path) -> Transport:
    """The transport of one settings table; `root` is the workspace's folder. The settings' secrets must be loaded."""
    match table:
        case MaildirSettings():
            return MaildirTransport(name, root / table.path)
        case SmtpTable():
            return SmtpTransport(_smtp(name, table, root))
        case SendgridTable():
            return _sendgrid(name, table)


def build_all(settings: Settings, root: Path) -> tuple[list[Transport], dict[str, str]]:
    """All transports that can be used, and for the others by name what is wrong: they must not stop the rest."""
    transports, broken = [], {}
    for name, table in settings.transports.items():
        try:
            transports.append(build(name, table, root))
        except SettingsError as error:
            broken[name] = f"{error.sentence} {error.remedy}"
    return transports, broken


def _smtp(name: str, table: SmtpTable, root: Path) -> SmtpSettings:
    token = _token(name, table, root)
    if table.user and table.password is None and token is None:
        raise SettingsError(
            f"The transport “{name}” logs in as {table.user}, and there is no password for it.",
            remedy=f"Put `password` under [transports.{name}] into secrets.toml, or set "
            f"MERGECAST_TRANSPORTS__{name.upper()}__PASSWORD.",
        )
    return SmtpSettings(
        name=name,
        hosts=table.host,
        port=table.port,
        tls=table.tls,
        user=table.user,
        password=table.password.get_secret_value() if table.password else "",
        ca_file=root / table.ca_file if table.ca_file else None,
        token=token,
        connections=table.connections,
        messages_a_connection=table.messages_a_connection,
    )


def _token(name: str, table: SmtpTable, root: Path) -> Token | None:
    """What the transport logs in with instead of a password."""
    ways = [bool(table.token_command), table.token_file is not None, table.password is not None]
    if not any(ways[:2]):
        return None
    if sum(ways) > 1 or not table.user:
        raise SettingsError(
            f"The transport “{name}” needs `user` and one of `token_command`, `token_file` and a password.",
            remedy=f"Keep one of them under [transports.{name}], beside `user`: the mailbox that the token is for.",
        )
    try:
        shlex.split(table.token_command)
    except ValueError as error:
        raise SettingsError(
            f"token_command of the transport “{name}” cannot be read: {error}.", remedy="Close its quotes."
        ) from None
    return Token(file=root / table.token_file if table.token_file else None, command=table.token_command)


def _sendgrid(name: str, table: SendgridTable) -> Transport:
    if table.api_key is None:
        raise SettingsError(
            f"The transport “{name}” has no API key.",
            remedy=f"Put `api_key` under [transports.{name}] into secrets.toml, or set "
            f"MERGECAST_TRANSPORTS__{name.upper()}__API_KEY.",
        )
    from scheduler.transports.sendgrid import SendgridSettings, SendgridTransport  # httpx is large, and slow to load

    settings = SendgridSettings(
        name=name,
        api_key=table.api_key.get_secret_value(),
        base_url=table.base_url,
        batch=table.batch,
        connections=table.connections,
        options=Options(
            sandbox=table.sandbox,
            categories=table.categories,
            asm_group=table.asm_group,
            ip_pool=table.ip_pool,
            track_clicks=table.track_clicks,
            track_opens=table.track_opens,
            analytics={str(name): value for name, value in table.analytics.items()},
        ),
    )
    return SendgridTransport(settings)
