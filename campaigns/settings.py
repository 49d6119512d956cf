"""The workspace's settings: `mergecast.toml`, under `secrets.toml`, under the environment.

Every setting may also come from the environment: `MERGECAST_ZONE`, `MERGECAST_TRANSPORTS__RELAY__PASSWORD`. Secrets
never stand in `mergecast.toml`, which people mail around and commit; only `run`, `merge` and `doctor` load them.
The reading, and what is said of a mistake, is in `settings_file.py`; what a value may be, in `settings_values.py`; the
transports' tables are in `settings_transports.py`.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from campaigns.model.domain_group import Limits, folded_domain, known_groups, own_domains
from campaigns.model.routes import Routes
from campaigns.model.send_window import SendWindows
from campaigns.model.states import CampaignKind
from campaigns.model.warm_up import WarmUp
from campaigns.settings_file import WrongValueError, complaint, read_layers
from campaigns.settings_routes import read_route, refuse_wrong_fallbacks, refuse_wrong_routes, tables
from campaigns.settings_transports import MaildirSettings, Part, TransportSettings
from campaigns.settings_values import (
    Address,
    Addresses,
    Database,
    Dns,
    Domains,
    Duration,
    HolidayCodes,
    Listen,
    ListName,
    LocaleName,
    PublicUrl,
    Senders,
    ShareToPause,
    Throttles,
    WarmUpTable,
    Windows,
    Zone,
)
from campaigns.windows import Holidays, written

LOCAL = "local"  # the default transport: a rehearsal into a mailbox on this machine
_OWN_FOLDERS = [(name,) for name in ("templates", "attachments", "sheets", "mail", "previews")]
TRANSPORT_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def load_settings(root: Path, env: Mapping[str, str], *, secrets: bool = False) -> "Settings":
    """The settings of the workspace at `root`; SettingsError names the place and the remedy.

    Without `secrets` no secret is read: neither `secrets.toml` nor a `*_file` is opened, and passwords are None.
    """
    layers = read_layers(root, env, secrets=secrets)
    try:
        return Settings.model_validate(layers.merged())
    except ValidationError as error:
        raise complaint(error, layers, Settings) from None  # the cause would show what was typed


class SenderSettings(Part):
    """`[sender]`"""

    from_: Address = Field(default="", alias="from", description='Who mails are from, like `"Ada <ada@example.com>"`.')
    reply_to: Address = Field(default="", description="Where answers go, if not to `from`.")
    also: Addresses = Field(default=(), description="Further addresses that `--from` and a template may name.")

    @property
    def allowed(self) -> tuple[str, ...]:
        """Every address that a campaign may be from or answered to."""
        return tuple(address for address in (self.from_, self.reply_to, *self.also) if address)


class MetricsSettings(Part):
    """`[metrics]`"""

    listen: Listen = Field(
        default="",
        description="Where the worker serves `/metrics` for Prometheus and `/healthz`, like `127.0.0.1:9464`: a loopback "
        "address. Unless set: nowhere.",
    )


class InboxRule(Part):
    """`[inbox.rules."customers*.xlsx"]`"""

    list: ListName = Field(description="The list that such files are imported into; it is made if there is none.")
    template: str = Field(
        default="",
        description="Each such file also makes a campaign of this template, which waits for `mergecast send`.",
    )
    transport: str = Field(default="", description="Its transport. Unless set, it is a rehearsal.")


class InboxSettings(Part):
    """`[inbox]`"""

    folder: str = Field(
        default="",
        description="A folder that the worker watches, like `inbox`; a relative path lies in the workspace. Spreadsheets "
        "that are put there are imported. Unless set: none.",
    )
    quiet: Duration = Field(
        default=timedelta(seconds=5), description="A file is whole when nobody has written to it for so long."
    )
    rules: dict[str, InboxRule] = Field(default_factory=dict)


class LimitSettings(Part):
    """`[limits."gmail.com"]`, `[limits."ada@example.com"]`"""

    throttle: Throttles = Field(
        default=(), description='Limits over all transports, like `["20/min", "5000/d"]`; rehearsals do not count.'
    )
    warm_up: WarmUpTable = Field(
        default=None, description="Of a sender: the warm-up of its address, over all transports."
    )
    domains: Domains = Field(default=(), description="Further domains that count together with the group's own.")


class RouteSettings(Part):
    """`[[routes]]`"""

    through: str = Field(description="The transport that such mail goes through.")
    domains: Domains = Field(
        default=(), description="Recipient domains, or groups of them by name, like `outlook.com`. Unless set: all."
    )
    senders: Senders = Field(
        default=(), description="Sender addresses or their domains, like `example.org`. Unless set: all."
    )


class Settings(Part):
    """Everything in `mergecast.toml`."""

    zone: Zone = Field(default="UTC", description="The time zone of send times, as IANA names it.")
    locale: LocaleName = Field(default="en_US", description="How numbers and dates are written.")
    database: Database = Field(
        default="sqlite:///mergecast.db", description="Where everything is kept; a relative path lies in the workspace."
    )
    public_url: PublicUrl = Field(
        default="", description="Where unsubscribe pages are served, like `https://mail.example.org`."
    )
    late_after: Duration = Field(
        default=timedelta(minutes=60), description="A campaign that could not start within this is paused."
    )
    give_up_after: Duration | None = Field(
        default=None, description="How long a deferred message is tried again. Unless set: 24h, transactional mail 72h."
    )
    pause_above: ShareToPause = Field(
        default=None,
        description="A campaign is paused when more than this share of its last mails was rejected or deferred: "
        '`"10%"` of the last 200, or `"5% of 1000"`. Unless set, none is.',
    )
    window: Windows = Field(
        default=(),
        description='When mail may leave: `"mon-fri 09:00-17:30"`, in `zone` unless it names another or `recipient`. '
        "Of several, all must be open. Rehearsals leave at any time.",
    )
    holidays: HolidayCodes = Field(
        default=Holidays(),
        description='Days on which nothing leaves, by country and region: `"DE-BY"`. No business days either.',
    )
    keep_sheets: bool = Field(default=True, description="Keep imported files in `sheets/`.")
    approval_from: int = Field(
        default=0,
        ge=0,
        description="Campaigns of so many mails, or more, leave only after `mergecast approve`; 1: every one. "
        "Unless set, none needs it; rehearsals never do.",
    )
    dns: Dns = Field(
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
    inbox: InboxSettings = Field(default_factory=InboxSettings)
    transports: dict[str, TransportSettings] = Field(default_factory=dict)
    limits: dict[str, LimitSettings] = Field(default_factory=dict)
    routes: Annotated[tuple[RouteSettings, ...], BeforeValidator(tables)] = Field(default=())

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
    def _rules_can_be_followed(self) -> "Settings":
        for pattern, rule in self.inbox.rules.items():
            if rule.transport and rule.transport not in self.transports:
                remedy = f"There is {', '.join(self.transports)}."
                key = ("inbox", "rules", pattern, "transport")
                raise WrongValueError(f"There is no transport {rule.transport!r}.", remedy, key)
        folder = PurePath(self.inbox.folder)
        if ".." in folder.parts or (self.inbox.folder and not folder.parts) or folder.parts[:1] in _OWN_FOLDERS:
            remedy = 'Give it a folder of its own, like "inbox": all files in it are moved.'
            raise WrongValueError(f"The inbox cannot be {self.inbox.folder!r}.", remedy, ("inbox", "folder"))
        if self.inbox.rules and not self.inbox.folder:
            raise WrongValueError(
                "The inbox has rules and no folder.", 'Name it: folder = "inbox".', ("inbox", "rules")
            )
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
            if limit.warm_up:
                remedy = 'Set it for a transport, or for a sender: [limits."ada@example.com"].'
                raise WrongValueError(
                    f"{name} has a warm-up, which only what sends can have.", remedy, ("limits", name)
                )
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

    @model_validator(mode="after")
    def _ways_can_be_meant(self) -> "Settings":
        refuse_wrong_fallbacks(self.transports)
        refuse_wrong_routes(self.routes, self.transports, self.all_limits.group_of())
        return self

    @property
    def all_routes(self) -> Routes:
        """Which transport carries what, and what takes its place."""
        return Routes(
            routes=tuple(map(read_route, self.routes)),
            fallbacks={name: one.fallback for name, one in self.transports.items() if one.fallback},
        )

    @property
    def all_limits(self) -> Limits:
        """The limits of recipient-domain groups and of senders; what routes name are groups, too."""
        groups = {folded_domain(name): limit for name, limit in self.limits.items() if "@" not in name}
        return Limits(
            groups={name: limit.throttle for name, limit in groups.items()},
            senders={name.strip().lower(): limit.throttle for name, limit in self.limits.items() if "@" in name},
            own_domains=self._own_groups(groups),
            warm_ups={
                name.strip().lower(): limit.warm_up.by_days_of(self.zone)
                for name, limit in self.limits.items()
                if limit.warm_up
            },
        )

    def _own_groups(self, limits: Mapping[str, LimitSettings]) -> dict[str, str]:
        """Domain -> group of what the settings name, besides ours."""
        own = {domain: name for name, limit in limits.items() for domain in own_domains(name, limit.domains)}
        routed = {domain for route in self.routes for domain in route.domains}
        return {**{domain: domain for domain in routed - known_groups().keys()}, **own}

    def windows_of(self, transport: str, *, leaves: bool) -> SendWindows:
        """The windows that mail through a transport waits for; those of the workspace, only if it reaches people."""
        own = self.transports.get(transport)
        through = written(own.window, own.holidays, self.zone) if own else ()
        return SendWindows((*through, *(written(self.window, self.holidays, self.zone) if leaves else ())))

    def warm_up_of(self, transport: str) -> WarmUp | None:
        """The warm-up of a transport that people receive mail through, with whose days it counts."""
        found = self.transports.get(transport)
        if found is None or isinstance(found, MaildirSettings) or not found.leaves or found.warm_up is None:
            return None
        return found.warm_up.by_days_of(self.zone)

    def gives_up_after(self, kind: CampaignKind) -> timedelta:
        """How long a deferred message of such a campaign is tried again."""
        return self.give_up_after or timedelta(hours=72 if kind is CampaignKind.TRANSACTIONAL else 24)
