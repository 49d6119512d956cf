"""What a campaign's messages are made from, and the hashes that tell whether that has changed."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from campaigns.actions.audience import Filter, filter_of
from campaigns.actions.desk import Desk
from campaigns.actions.naming import did_you_mean
from campaigns.actions.newcomers import served
from campaigns.clock import from_micros, to_micros
from campaigns.compose.attachments import AttachmentFolder
from campaigns.compose.job import RenderJob
from campaigns.compose.source import TemplateSource, load_template
from campaigns.errors import UsageError
from campaigns.model.audience import Audience
from campaigns.model.column import Column
from campaigns.model.finding import FIRST_ROWS
from campaigns.model.routes import WaysOut
from campaigns.model.states import CampaignKind
from campaigns.settings import Settings
from campaigns.settings_transports import TransportSettings
from campaigns.store import lists, recipients, series, sheets
from campaigns.store.campaigns import SENDER, Campaign
from campaigns.store.engine import Connection
from campaigns.store.recipients import Recipient
from campaigns.store.series import Series


@dataclass(frozen=True, slots=True)
class Basis:
    """Template, sheet and settings as they are now."""

    campaign: Campaign
    source: TemplateSource
    sheet: sheets.Sheet  # the newest of the list
    columns: tuple[Column, ...]
    settings: Settings
    transport: TransportSettings
    today: date  # the day that the campaign starts on, in its zone
    filter: Filter  # whom the campaign's audience leaves out, as of now
    desk: Desk
    series: Series | None = None  # that the campaign is the pattern, or an occurrence, of
    files: str = ""  # changes with any file in attachments/; "" for a template that attaches none

    @property
    def sender(self) -> str:
        return sender_of(self.campaign.sender_given, self.source, self.settings)

    @property
    def reply_to(self) -> str:
        return reply_to_of(self.source, self.settings)

    @property
    def leaves(self) -> bool:
        return self.transport.leaves

    @property
    def ways(self) -> WaysOut:
        """The transports that its mail may take."""
        return self.settings.all_routes.of(self.campaign.transport, parseaddr(self.sender)[1], leaves=self.leaves)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of those transports: its mails must be fit for each."""
        return tuple(sorted({self.settings.transports[name].kind for name in self.ways.every}))

    def ways_in_words(self) -> str:
        """Those transports, with the routes that lead there: what an approval binds."""
        ways = self.ways
        said = [f"{name} ({self.settings.transports[name].kind})" for name in dict.fromkeys([ways.own, *ways.every])]
        routes = [f"{', '.join(route.groups) or 'all'} through {route.through}" for route in ways.routes]
        return "; ".join([*said, *routes])

    def shared(self) -> dict[str, str]:
        """What all mails share besides the template, for the history: a proof is shown again with what it left with."""
        values = (self.sender, self.reply_to, self.settings.public_url, str(self.campaign.kind))
        return dict(zip(SENDER, values, strict=True))

    def job(self, rows_named: int = FIRST_ROWS) -> RenderJob:
        """The order to the renderer."""
        return RenderJob(
            source=self.source,
            fields=self.columns,
            locale=self.settings.locale,
            today=self.today,
            campaign=self.campaign.name,
            bulk=self.campaign.kind is CampaignKind.BULK,
            has_public_url=bool(self.settings.public_url),
            workspace_root=self.desk.workspace.root,
            rows_named=rows_named,
            leaves=self.leaves,
        )

    def fingerprint(self) -> str:
        """Equal for campaigns that say the same to the same people."""
        return _hash(self.sheet.sha256, self.sheet.worksheet, self.source.sha256)

    def prepared(self, *, prints_today: bool) -> str:
        """Equal as long as the same messages, and the same Findings, would come of a check."""
        c = self.campaign
        return _hash(
            self.sheet.id,
            self.source.sha256,
            self.campaign.name,
            self.campaign.kind,
            self.sender,
            self.reply_to,
            sorted(self.settings.sender.allowed),
            self.settings.public_url,
            self.settings.locale,
            self.settings.dns,
            *self.kinds,
            *(() if self.leaves or self.transport.kind == "maildir" else ("rehearsal",)),
            self.today.isoformat() if prints_today else "",
            *(
                (self.campaign.audience, self.filter.digest())
                if self.filter.of_people or self.campaign.audience
                else ()
            ),
            self.files,
            *((c.zone_by, c.starts_by, c.starts_wall, c.starts_at, c.at_column, c.zone) if c.own_lanes else ()),
        )


def basis_of(desk: Desk, campaign: Campaign) -> Basis:
    """TemplateError or UsageError if something that the campaign needs is gone; ConditionError if the sheet has changed."""
    settings = desk.workspace.settings
    now = desk.clock.now()
    start = to_micros(now) if campaign.starts_at is None else campaign.starts_at
    audience = Audience.unpack(campaign.audience)
    with desk.store.read() as conn:
        sheet = sheets.latest(conn, campaign.list_id)
        assert sheet is not None, "A campaign is made for a list that has a sheet."
        columns = sheets.columns_of(conn, sheet.id)
        kept_out = filter_for(conn, audience, columns, now)
        mine = series.named(conn, campaign.series or campaign.name)
        if mine and (some := served(conn, campaign, mine.whom, sheet, columns)):
            why, people = some
            kept_out = kept_out.without(people, why)
    source = load_template(desk.workspace.root, campaign.template)
    attaches = bool(source.front_matter.text("attachments"))
    return Basis(
        campaign=campaign,
        source=source,
        sheet=sheet,
        columns=columns,
        settings=settings,
        transport=transport_named(settings, campaign.transport),
        today=day_of(start, campaign.zone),
        filter=kept_out,
        desk=desk,
        series=mine,
        files=AttachmentFolder(desk.workspace.root).signature() if attaches else "",
    )


def list_named(conn: Connection, name: str) -> tuple[lists.List, sheets.Sheet]:
    """A list with its newest sheet; UsageError, with the nearest names, if there is none."""
    found = lists.find(conn, name) if name.isprintable() else None  # bytes that are no UTF-8 are no list's name
    sheet = sheets.latest(conn, found.id) if found else None
    if found is None or sheet is None:
        known = lists.names(conn)
        remedy = did_you_mean(name, known, "list") if known else "Import one: `mergecast import SHEET --list NAME`."
        raise UsageError(f"There is no list {name!r}.", remedy=remedy)
    return found, sheet


def filter_for(conn: Connection, audience: Audience, columns: tuple[Column, ...], now: datetime) -> Filter:
    """Whom an audience leaves out of a sheet with these columns; UsageError or ConditionError."""
    excluded = [list_named(conn, name) for name in audience.exclude]
    return filter_of(conn, audience, columns, excluded, now=now)


def row_of(conn: Connection, sheet_id: int, row: int | None) -> Recipient:
    """A good row of a sheet, the first unless one is named; UsageError where there is none."""
    person = recipients.first_good(conn, sheet_id) if row is None else recipients.at_row(conn, sheet_id, row)
    if person is None:
        raise UsageError(
            "The sheet has no good row." if row is None else f"The sheet has no row {row}.",
            remedy="Rows are numbered as your spreadsheet program numbers them.",
        )
    if person.verdict:
        raise UsageError(f"Row {row} gets no mail of its own: {person.note}", remedy="Take another row.")
    return person


def day_of(at: int, zone: str) -> date:
    """The date of an instant (microseconds UTC) in a zone."""
    return from_micros(at).astimezone(ZoneInfo(zone)).date()


def transport_named(settings: Settings, name: str) -> TransportSettings:
    """UsageError, with the nearest names, if the settings have no such transport."""
    if name not in settings.transports:
        raise UsageError(
            f"There is no transport {name!r}.",
            remedy=f"{did_you_mean(name, settings.transports, 'transport')} "
            f"A transport stands under [transports.{name}] in mergecast.toml; `mergecast init --relay other` adds one.",
        )
    return settings.transports[name]


def sender_of(given: str, source: TemplateSource, settings: Settings) -> str:
    """Who a campaign is from: the option, else the front matter, else the settings."""
    return given or source.front_matter.text("from") or settings.sender.from_


def reply_to_of(source: TemplateSource, settings: Settings) -> str:
    return source.front_matter.text("reply_to") or settings.sender.reply_to


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()
