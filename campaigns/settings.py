"""The workspace's settings: `mergecast.toml`, under `secrets.toml`, under the environment.

Every setting may also come from the environment: `MERGECAST_ZONE`, `MERGECAST_TRANSPORTS__RELAY__PASSWORD`. Secrets
never stand in `mergecast.toml`, which people mail around and commit; only `run`, `merge` and `doctor` load them.
The reading, and what is said of a mistake, is in `settings_file.py`.
"""

import ipaddress
import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import getaddresses
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from campaigns.errors import MergecastError
from campaigns.model.domain_group import Limits, folded_domain, own_domains
from campaigns.model.duration import parse_duration
from campaigns.model.pause_above import PauseAbove
from campaigns.model.states import CampaignKind
from campaigns.model.throttle import Throttle
from campaigns.model.when import zone_named
from campaigns.settings_file import WrongValueError, complaint, read_layers

LOCAL = "local"  # the default transport: a rehearsal into a mailbox on this machine
TRANSPORT_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
SENDGRID_HOSTS = ("api.sendgrid.com", "api.eu.sendgrid.com")


def load_settings(root: Path, env: Mapping[str, str], *, secrets: bool = False) -> "Settings":
    """The settings of the workspace at `root`; SettingsError names the place and the remedy.

    Without `secrets` no secret is read: neither `secrets.toml` nor a `*_file` is opened, and passwords are None.
    """
    layers = read_layers(root, env, secrets=secrets)
    try:
        return Settings.model_validate(layers.merged())
    except ValidationError as error:
        raise complaint(error, layers, Settings) from None  # the cause would show what was typed


def _zone(value: object) -> object:
    return value if not isinstance(value, str) else _told(lambda: zone_named(value)).key


def _locale(value: object) -> object:
    if not isinstance(value, str):
        return value
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(value.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        raise WrongValueError(f"There is no locale {value!r}.", "Write it like en_US, en_GB or de_DE.") from None


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise WrongValueError("A length of time needs its unit.", 'Write it like "90s", "60min", "24h" or "3d".')
    length = parse_duration(value)
    if not length:
        raise WrongValueError(f"{value!r} is no time at all.", 'Write it like "60min" or "24h".')
    return length


def _throttles(value: object) -> object:
    texts = re.split(r",(?!\s*burst)", value) if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        return value
    return tuple(_told(lambda text=text: Throttle.parse(str(text))) for text in texts if str(text).strip())


def _addresses(value: object) -> object:
    texts = value.split(",") if isinstance(value, str) else value
    return tuple(_address(text) for text in texts) if isinstance(texts, list | tuple) else value


def _address(value: object) -> object:
    """`ada@example.com` or `Ada <ada@example.com>`, as typed; what is wrong with it is said in email-validator's words."""
    if not isinstance(value, str) or not value.strip():
        return value
    from email_validator import EmailNotValidError, validate_email

    if not value.isprintable():
        raise WrongValueError(
            "An address has a line break or another control character in it.", "Write it on one line."
        )
    remedy = 'Write it like "Ada <ada@example.com>"; a name with a comma in double quotes: \'"Lovelace, Ada" <...>\'.'
    found = getaddresses([value])
    if len(found) != 1 or not found[0][1]:
        raise WrongValueError(f"{value!r} is not one mail address.", remedy)
    try:
        validate_email(found[0][1], check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise WrongValueError(f"{value!r} is no mail address. {error}", remedy) from None
    return value.strip()


def _domains(value: object) -> object:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return value
    return tuple(_told(lambda name=name: folded_domain(str(name))) for name in names)


def _pause_above(value: object) -> object:
    return _told(lambda: PauseAbove.parse(value)) if isinstance(value, str) else value


def _public_url(value: object) -> object:
    if not isinstance(value, str) or not value:
        return value
    parts = _told(lambda: urlsplit(value))
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise WrongValueError(f"{value!r} is no address of a web site.", 'Write it like "https://mail.example.org".')
    return value.rstrip("/")


def _database(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"sqlite:///[^?#]+", value):
        raise WrongValueError("`database` is no SQLite file.", 'Write it like "sqlite:///mergecast.db".')
    return value


def _dns(value: object) -> object:
    """`off`, `system` or `IP:PORT`."""
    remedy = 'Write "off", "system" for this computer\'s own resolver, or the address of one, like "192.0.2.53".'
    if not isinstance(value, str):
        raise WrongValueError("It is a word or an address.", remedy)
    if value in ("off", "system"):
        return value
    host, _, port = value.rpartition(":") if "]:" in value or value.count(":") == 1 else (value, "", "53")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise WrongValueError(f"{value!r} is no DNS resolver.", remedy) from None
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
        raise WrongValueError(f"{port!r} is no port.", remedy)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _hosts(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    for name in names if isinstance(names, list | tuple) else ():
        if isinstance(name, str) and not re.fullmatch(r"[\w.:-]+", name):
            raise WrongValueError(f"{name!r} is no host name.", 'Write the name alone, like "smtp.example.com".')
    return names


def _category(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and 0 < len(value) <= 255):
        raise WrongValueError(
            f"{value!r} is no category.", "SendGrid takes up to 255 letters, digits and signs of ASCII."
        )
    return value


def _sendgrid_url(value: object) -> object:
    """https to SendGrid's two hosts, or http to a literal loopback address: a name could be made to point elsewhere."""
    if not isinstance(value, str):
        return value
    parts, port = _told(lambda: (urlsplit(value), urlsplit(value).port))
    bare = value.isprintable() and not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if bare and parts.scheme == "https" and parts.hostname in SENDGRID_HOSTS and port in (None, 443):
        return f"https://{parts.hostname}"
    if bare and parts.scheme == "http" and _loopback(parts.hostname or ""):
        return value.rstrip("/")
    hosts = " or ".join(f"https://{host}" for host in SENDGRID_HOSTS)
    raise WrongValueError(
        "`base_url` would send the API key elsewhere.", f"Use {hosts}; a double on http://127.0.0.1:PORT."
    )


def _listen(value: object) -> object:
    """A literal loopback address and a port; a name could be made to point elsewhere."""
    if not isinstance(value, str) or not value:
        return value
    host, _, port = value.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    known = _loopback(host[1:-1] if bracketed else host) and bracketed == (host.count(":") > 0)
    if known and port.isascii() and port.isdecimal() and 0 < int(port) < 65_536:
        return value
    raise WrongValueError(
        f"{value!r} is no port of this computer alone.",
        'Write it like "127.0.0.1:9464" or "[::1]:9464"; a proxy may show it to others, with a login.',
    )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _told(read: Any) -> Any:
    """What `read` returns; an error meant for people keeps its remedy on the way through pydantic."""
    try:
        return read()
    except MergecastError as error:
        raise WrongValueError(error.sentence, error.remedy) from None
    except ValueError as error:
        raise WrongValueError(f"{error}.", "") from None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


Address = Annotated[str, BeforeValidator(_address)]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_addresses)]
Throttles = Annotated[tuple[Throttle, ...], BeforeValidator(_throttles)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Domains = Annotated[tuple[str, ...], BeforeValidator(_domains)]


class SenderSettings(_Part):
    """`[sender]`"""

    from_: Address = Field(default="", alias="from", description='Who mails are from, like `"Ada <ada@example.com>"`.')
    reply_to: Address = Field(default="", description="Where answers go, if not to `from`.")
    also: Addresses = Field(default=(), description="Further addresses that `--from` and a template may name.")

    @property
    def allowed(self) -> tuple[str, ...]:
        """Every address that a campaign may be from or answered to."""
        return tuple(address for address in (self.from_, self.reply_to, *self.also) if address)


class MetricsSettings(_Part):
    """`[metrics]`"""

    listen: Annotated[str, BeforeValidator(_listen)] = Field(
        default="",
        description="Where the worker serves `/metrics` for Prometheus and `/healthz`, like `127.0.0.1:9464`: a loopback "
        "address. Unless set: nowhere.",
    )


class MaildirSettings(_Part):
    """`kind = "maildir"`: a rehearsal; nothing leaves this machine."""

    kind: Literal["maildir"]
    path: Path = Field(default=Path("mail"), description="The mailbox; a relative path lies in the workspace.")
    throttle: Throttles = Field(default=(), description='Limits, like `["20/s", "50000/d"]`.')


class SmtpSettings(_Part):
    """`kind = "smtp"`: any mail server."""

    kind: Literal["smtp"]
    host: Annotated[tuple[str, ...], BeforeValidator(_hosts)] = Field(
        min_length=1, description="The server's name, or several: connections are spread over them."
    )
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

    @model_validator(mode="before")
    @classmethod
    def _port_of_its_tls(cls, data: Any) -> Any:
        if isinstance(data, dict) and "port" not in data:
            ports = {"starttls": 587, "implicit": 465, "none": 25}
            return {**data, "port": ports.get(str(data.get("tls", "starttls")), 587)}
        return data


class SendgridSettings(_Part):
    """`kind = "sendgrid"`: the SendGrid Web API."""

    kind: Literal["sendgrid"]
    api_key: SecretStr | None = Field(default=None, description="Secret: from `secrets.toml` or the environment.")
    api_key_file: Path | None = Field(default=None, description="A file (mode 600) that holds nothing but the key.")
    base_url: Annotated[str, BeforeValidator(_sendgrid_url)] = Field(
        default=f"https://{SENDGRID_HOSTS[0]}",
        description=f"`https://{SENDGRID_HOSTS[1]}` for an EU subuser; plain http on a loopback address only.",
    )
    batch: int = Field(default=250, ge=1, le=1_000, description="How many recipients one request may carry.")
    connections: int = Field(default=4, ge=1, le=32, description="How many requests at once.")
    sandbox: bool = Field(
        default=False,
        description="A rehearsal: SendGrid checks the requests and delivers nothing; it costs no credits.",
    )
    categories: tuple[Annotated[str, BeforeValidator(_category)], ...] = Field(
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


TransportSettings = Annotated[MaildirSettings | SmtpSettings | SendgridSettings, Field(discriminator="kind")]


class LimitSettings(_Part):
    """`[limits."gmail.com"]`, `[limits."ada@example.com"]`"""

    throttle: Throttles = Field(
        default=(), description='Limits over all transports, like `["20/min", "5000/d"]`; rehearsals do not count.'
    )
    domains: Domains = Field(default=(), description="Further domains that count together with the group's own.")


class Settings(_Part):
    """Everything in `mergecast.toml`."""

    zone: Annotated[str, BeforeValidator(_zone)] = Field(
        default="UTC", description="The time zone of send times, as IANA names it."
    )
    locale: Annotated[str, BeforeValidator(_locale)] = Field(
        default="en_US", description="How numbers and dates are written."
    )
    database: Annotated[str, BeforeValidator(_database)] = Field(
        default="sqlite:///mergecast.db", description="Where everything is kept; a relative path lies in the workspace."
    )
    public_url: Annotated[str, BeforeValidator(_public_url)] = Field(
        default="", description="Where unsubscribe pages are served, like `https://mail.example.org`."
    )
    late_after: Duration = Field(
        default=timedelta(minutes=60), description="A campaign that could not start within this is paused."
    )
    give_up_after: Duration | None = Field(
        default=None, description="How long a deferred message is tried again. Unless set: 24h, transactional mail 72h."
    )
    pause_above: Annotated[PauseAbove | None, BeforeValidator(_pause_above)] = Field(
        default=None,
        description="A campaign is paused when more than this share of its last mails was rejected or deferred: "
        '`"10%"` of the last 200, or `"5% of 1000"`. Unless set, none is.',
    )
    keep_sheets: bool = Field(default=True, description="Keep imported files in `sheets/`.")
    approval_from: int = Field(
        default=0,
        ge=0,
        description="Campaigns of so many mails, or more, leave only after `mergecast approve`; 1: every one. "
        "Unless set, none needs it; rehearsals never do.",
    )
    dns: Annotated[str, BeforeValidator(_dns)] = Field(
        default="off",
        description="Whether a check asks the DNS if the addresses' domains take mail: `off`, `system` or a resolver's IP.",
    )
    machine: str = Field(
        default="",
        description="A name for this machine, where its own is another at each start. Set it in the environment: "
        "what stands in the file goes along with a copy.",
    )
    user: str = Field(default="", description="Who is named in the history. Unless set: the login.")
    sender: SenderSettings = Field(default_factory=lambda: SenderSettings.model_validate({}))
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    transports: dict[str, TransportSettings] = Field(default_factory=dict)
    limits: dict[str, LimitSettings] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _rehearsal_is_there(cls, data: Any) -> Any:
        transports = data.get("transports", {}) if isinstance(data, dict) else None
        if not isinstance(transports, dict):
            return data
        return {**data, "transports": {LOCAL: {"kind": "maildir"}, **transports}}

    @model_validator(mode="after")
    def _names(self) -> "Settings":
        for name, transport in self.transports.items():
            if not TRANSPORT_NAME.fullmatch(name):
                remedy = "Use small letters and digits, words joined by one underscore: relay, relay_2."
                raise WrongValueError(f"A transport cannot be called {name!r}.", remedy, ("transports", name))
            if name == LOCAL and transport.kind != "maildir":
                remedy = f"Call it something else: the default, {LOCAL}, never sends to people."
                raise WrongValueError(f"The transport {LOCAL!r} is the rehearsal.", remedy, ("transports", name))
        return self

    @model_validator(mode="after")
    def _limits_can_be_meant(self) -> "Settings":
        taken: dict[str, str] = {}
        for name, limit in self.limits.items():
            if "@" in name:
                if limit.domains:
                    remedy = "Domains belong to a limit that is named after a domain."
                    raise WrongValueError(f"The limit of the sender {name} has domains.", remedy, ("limits", name))
                continue
            try:
                owned = own_domains(name, limit.domains)
            except ValueError as error:
                remedy = 'Name a domain, like [limits."gmail.com"], or one of your senders\' addresses.'
                raise WrongValueError(f"{error}.", remedy, ("limits", name)) from None
            for domain, group in owned.items():
                if taken.setdefault(domain, group) != group:
                    remedy = "Let each domain stand in one of them."
                    sentence = f"{domain} stands in the limits of {taken[domain]} and {group}."
                    raise WrongValueError(sentence, remedy, ("limits", name))
        return self

    @property
    def all_limits(self) -> Limits:
        """The limits of recipient-domain groups and of senders."""
        groups = {folded_domain(name): limit for name, limit in self.limits.items() if "@" not in name}
        return Limits(
            groups={name: limit.throttle for name, limit in groups.items()},
            senders={name.strip().lower(): limit.throttle for name, limit in self.limits.items() if "@" in name},
            own_domains={domain: name for name, limit in groups.items() for domain in own_domains(name, limit.domains)},
        )

    def gives_up_after(self, kind: CampaignKind) -> timedelta:
        """How long a deferred message of such a campaign is tried again."""
        return self.give_up_after or timedelta(hours=72 if kind is CampaignKind.TRANSACTIONAL else 24)
