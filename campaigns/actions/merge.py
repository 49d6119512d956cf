"""What `mergecast merge` needs besides the other verbs: a look at everything beforehand, and names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from campaigns.actions.basis import day_of, list_named, transport_named
from campaigns.actions.create import REPLACEABLE, refuse_own_list
from campaigns.actions.desk import Desk
from campaigns.actions.times import Times, columns_of, read_start, read_windows
from campaigns.checks.senders import check_senders
from campaigns.clock import to_micros
from campaigns.compose.job import RenderJob
from campaigns.compose.renderer import Renderer
from campaigns.compose.source import TemplateSource, load_template
from campaigns.errors import TemplateError, UsageError
from campaigns.model.audience import EVERYBODY, Audience
from campaigns.model.column import Column
from campaigns.model.predicate import rules_of
from campaigns.model.send_window import SendWindows, refuse_never
from campaigns.model.states import CampaignKind, Severity
from campaigns.model.throttle import Throttle
from campaigns.model.when import Start
from campaigns.recipients.sheet import ReadOptions, open_sheet
from campaigns.settings import Settings
from campaigns.store import campaigns
from campaigns.windows import Holidays, written


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed after `mergecast merge`, as far as it can be wrong."""

    sheet: Path
    template: str
    options: ReadOptions
    transport: str
    sender: str
    start: str
    zone: str
    throttles: Sequence[str]
    audience: Audience = EVERYBODY
    times: Times = Times()  # noqa: RUF009 - it cannot change


def look(root: Path, settings: Settings, typed: Typed, now: datetime) -> None:
    """Raise whatever is wrong with what was typed, before a workspace is made or a list imported."""
    start = read_start(settings, typed.start, typed.zone, typed.times, now)
    for text in typed.throttles:
        Throttle.parse(text)
    way_out = transport_named(settings, typed.transport)
    own = written(read_windows(typed.zone, typed.times, start), Holidays.parse(typed.times.holidays), start.zone)
    through = settings.windows_of(typed.transport, leaves=way_out.leaves).windows
    refuse_never(SendWindows((*own, *through)).for_recipient(start.zone), now)
    if typed.sender:
        for finding in check_senders(typed.sender, "", settings.sender.allowed, leaves=way_out.leaves):
            raise UsageError(finding.sentence, remedy=finding.remedy)
    source = load_template(root, typed.template)
    with open_sheet(typed.sheet, replace(typed.options, locale=settings.locale)) as sheet:
        columns = sheet.columns
    columns_of(typed.zone, typed.times, start, columns)
    if typed.audience.where:
        rules_of(typed.audience.where, columns)
    _look_at_template(root, settings, source, columns, start)


def _look_at_template(
    root: Path, settings: Settings, source: TemplateSource, columns: tuple[Column, ...], start: Start
) -> None:
    """Raise what is wrong with the template for these columns, as far as it shows before a row is rendered."""
    job = RenderJob(
        source=source,
        fields=columns,
        locale=settings.locale,
        today=day_of(to_micros(start.at), start.zone),
        campaign=Path(source.name).stem,
        bulk=source.front_matter.text("kind") != CampaignKind.TRANSACTIONAL,
        has_public_url=bool(settings.public_url),
        workspace_root=root,
    )
    with Renderer(job) as renderer:
        for finding in renderer.inspection.findings:
            if finding.severity is Severity.STOPS:
                raise TemplateError(f"{finding.sentence} ({finding.where})", remedy=finding.remedy)


def look_at_lists(desk: Desk, audience: Audience, list_name: str) -> None:
    """UsageError if a list to be excluded is not there, or is the campaign's own; seen before a sheet is imported."""
    refuse_own_list(audience, list_name)
    with desk.store.read() as conn:
        for name in audience.exclude:
            list_named(conn, name)


def campaign_name(desk: Desk, template: str, list_name: str) -> str:
    """`welcome-people`, or `welcome-people-2` where that has left or is leaving; a draft of that name is replaced."""
    wish = "-".join(f"{Path(template).stem} {list_name}".split())
    with desk.store.read() as conn:
        for n in range(1, 10_000):
            name = wish if n == 1 else f"{wish}-{n}"
            campaign = campaigns.find(conn, name)
            if campaign is None or campaign.state in REPLACEABLE:
                return name
    return wish
