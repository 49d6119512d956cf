"""The transports' tables of the settings: `[transports.relay]` and the like, one kind each."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from campaigns.settings_values import (
    SENDGRID_HOSTS,
    Category,
    HolidayCodes,
    Hosts,
    SendgridUrl,
    Throttles,
    WarmUpTable,
    Windows,
)
from campaigns.windows import Holidays


class Part(BaseModel):
    """A table of the settings: nothing unknown in it, and no mistake told with what was typed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


_WARM_UP = (
    'How much leaves on its first days: `"sendgrid"`, `"daily"`, or a step for each day, like '
    '`"50/d, 100/d, 500/d"`; days of `zone` unless one stands behind, like `"daily UTC"`. Unless set: no limit.'
)
_FALLBACK = "The transport that takes its place while it is out. Unless set: its mail waits."


class MaildirSettings(Part):
    """`kind = "maildir"`: a rehearsal; nothing leaves this machine."""

    kind: Literal["maildir"]
    path: Path = Field(default=Path("mail"), description="The mailbox; a relative path lies in the workspace.")
    throttle: Throttles = Field(default=(), description='Limits, like `["20/s", "50000/d"]`.')
    window: Windows = Field(
        default=(), description="When mail may leave through it: send windows, like those of the workspace."
    )
    holidays: HolidayCodes = Field(default=Holidays(), description="Days on which nothing leaves through it.")
    fallback: str = Field(default="", description=_FALLBACK)

    @property
    def leaves(self) -> bool:
        """Whether anybody receives its mail."""
        return False


class SmtpSettings(Part):
    """`kind = "smtp"`: any mail server."""

    kind: Literal["smtp"]
    host: Hosts = Field(min_length=1, description="The server's name, or several: connections are spread over them.")
    port: int = Field(
        default=0, ge=0, le=65_535, description="Its port. Unless set: 587 (starttls), 465 (implicit), 25 (none)."
    )
    tls: Literal["starttls", "implicit", "none"] = Field(
        default="starttls", description="How the connection is encrypted."
    )
    user: str = Field(default="", description="The name to log in with; empty for no login.")
    password: SecretStr | None = Field(default=None, description="Secret: from `secrets.toml` or the environment.")
    password_file: Path | None = Field(
        default=None, description="A file (mode 600) that holds nothing but the password."
    )
    token_command: str = Field(
        default="", description="A command that prints an access token, to log in by XOAUTH2 instead of a password."
    )
    token_file: Path | None = Field(
        default=None, description="A file (mode 600) in which another program keeps such a token fresh."
    )
    ca_file: Path | None = Field(default=None, description="Certificates to trust instead of the public ones (PEM).")
    connections: int = Field(default=4, ge=1, le=100, description="How many connections at once.")
    messages_a_connection: int = Field(
        default=1_000, ge=1, description="After how many mails a connection is closed and opened anew."
    )
    throttle: Throttles = Field(default=(), description='Limits, like `["100/s", "50000/d"]`.')
    warm_up: WarmUpTable = Field(default=None, description=_WARM_UP)
    window: Windows = Field(
        default=(), description="When mail may leave through it: send windows, like those of the workspace."
    )
    holidays: HolidayCodes = Field(default=Holidays(), description="Days on which nothing leaves through it.")
    fallback: str = Field(default="", description=_FALLBACK)

    @model_validator(mode="before")
    @classmethod
    def _port_of_its_tls(cls, data: Any) -> Any:
        if isinstance(data, dict) and "port" not in data:
            ports = {"starttls": 587, "implicit": 465, "none": 25}
            return {**data, "port": ports.get(str(data.get("tls", "starttls")), 587)}
        return data

    @property
    def leaves(self) -> bool:
        """Whether anybody receives its mail."""
        return True


class SendgridSettings(Part):
    """`kind = "sendgrid"`: the SendGrid Web API."""

    kind: Literal["sendgrid"]
    api_key: SecretStr | None = Field(default=None, description="Secret: from `secrets.toml` or the environment.")
    api_key_file: Path | None = Field(default=None, description="A file (mode 600) that holds nothing but the key.")
    base_url: SendgridUrl = Field(
        default=f"https://{SENDGRID_HOSTS[0]}",
        description=f"`https://{SENDGRID_HOSTS[1]}` for an EU subuser; plain http on a loopback address only.",
    )
    batch: int = Field(default=250, ge=1, le=1_000, description="How many recipients one request may carry.")
    connections: int = Field(default=4, ge=1, le=32, description="How many requests at once.")
    sandbox: bool = Field(
        default=False,
        description="A rehearsal: SendGrid checks the requests and delivers nothing; it costs no credits.",
    )
    categories: tuple[Category, ...] = Field(
        default=(), max_length=10, description='What SendGrid counts these mails under, like `["newsletter"]`.'
    )
    asm_group: int | None = Field(
        default=None,
        description="The number of a SendGrid unsubscribe group. SendGrid then writes List-Unsubscribe, "
        "and keeps to itself who left.",
    )
    ip_pool: str = Field(default="", max_length=64, description="The pool of IP addresses to send from.")
    track_clicks: bool = Field(default=False, description="Let links lead through SendGrid, which counts clicks.")
    track_opens: bool = Field(default=False, description="Let SendGrid add an invisible picture, which counts opens.")
    analytics: dict[Literal["source", "medium", "term", "content", "campaign"], str] = Field(
        default_factory=dict,
        description='What is added to links for Google Analytics, like `{ source = "newsletter" }`.',
    )
    throttle: Throttles = Field(default=(), description='Limits, like `["100/s", "50000/d"]`; they count recipients.')
    warm_up: WarmUpTable = Field(default=None, description=_WARM_UP)
    window: Windows = Field(
        default=(), description="When mail may leave through it: send windows, like those of the workspace."
    )
    holidays: HolidayCodes = Field(default=Holidays(), description="Days on which nothing leaves through it.")
    fallback: str = Field(default="", description=_FALLBACK)

    @property
    def leaves(self) -> bool:
        """Whether anybody receives its mail."""
        return not self.sandbox


TransportSettings = Annotated[MaildirSettings | SmtpSettings | SendgridSettings, Field(discriminator="kind")]
