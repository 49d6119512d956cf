"""A campaign as this call of `send` or `approve` wishes it: another transport, another start, a canary, a hold."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from campaigns.actions.basis import transport_named
from campaigns.actions.desk import Desk
from campaigns.actions.prepare import PREPARABLE
from campaigns.clock import from_micros, to_micros
from campaigns.errors import CampaignError, UsageError, WhenError
from campaigns.model.canary import Canary
from campaigns.model.late import Late
from campaigns.model.states import CampaignState
from campaigns.model.wall_time import first_instant
from campaigns.model.when import LAST_ZONE, MONTHS, Start, parse_for_each, parse_when, say
from campaigns.store.campaigns import Campaign

SECOND = 1_000_000  # micros


@dataclass(frozen=True, slots=True)
class Wish:
    """As typed; what is empty stays as the campaign has it."""

    transport: str = ""
    at: str = ""
    canary: Canary | None = None
    hold: int = 0  # seconds between `send` and the first mail
    late: str = ""  # model.late.Late

    @property
    def moves_alone(self) -> bool:
        """Whether nothing but the start is to change."""
        return bool(self.at) and not self.transport and self.canary is None and not self.hold


def as_wished(desk: Desk, campaign: Campaign, wish: Wish) -> Campaign:
    """The campaign with this call's options; CampaignError where its state forbids sending it like that."""
    _refuse_state(desk, campaign, move_alone=wish.moves_alone)
    transport = wish.transport or campaign.transport
    way_out = transport_named(desk.workspace.settings, transport)  # which may have become a rehearsal since
    campaign = replace(campaign, transport=transport, leaves=way_out.leaves)
    if wish.late:
        campaign = replace(campaign, late=str(Late.read(wish.late)))
    if wish.at:
        start = _start(desk, campaign, wish.at)
        starts_at = to_micros(start.at) if start.wall else None
        campaign = replace(campaign, starts_wall=start.wall, starts_at=starts_at)
    elif campaign.state is CampaignState.FINISHED or not campaign.starts_wall:
        campaign = replace(campaign, starts_wall="", starts_at=None)
    _refuse_past(desk, campaign)
    if wish.canary is not None and campaign.has_own_times:
        raise UsageError(
            f"People of {campaign.name} have times of their own: a canary cannot leave before them.",
            remedy="Leave `--canary` out; `--hold 10min` gives time to take everything back.",
        )
    if wish.hold:
        held = desk.clock.micros() + wish.hold * SECOND
        campaign = replace(campaign, starts_at=max(campaign.starts_at or 0, held))
    return campaign


def _refuse_past(desk: Desk, campaign: Campaign) -> None:
    """WhenError if the start has passed; on the recipients' own clocks, if it has passed everywhere."""
    latest = campaign.starts_at
    if campaign.starts_by and campaign.starts_wall:
        latest = to_micros(first_instant(datetime.fromisoformat(campaign.starts_wall), LAST_ZONE))
    if latest is not None and latest < desk.clock.micros():
        start_was = say(from_micros(campaign.starts_at or latest), campaign.zone, desk.clock.now())
        raise WhenError(
            f"The start of {campaign.name}, {start_was}, is in the past.",
            remedy="Choose a later time, or `--at now` to send at once.",
        )


def _start(desk: Desk, campaign: Campaign, at: str) -> Start:
    """What `--at` means for the campaign: on its zone's clock, or on each recipient's."""
    parse = parse_for_each if campaign.starts_by else parse_when
    return parse(at, campaign.zone, desk.clock.now(), desk.workspace.settings.holidays)


def _refuse_state(desk: Desk, campaign: Campaign, *, move_alone: bool) -> None:
    name = campaign.name
    if campaign.state in PREPARABLE:
        return
    if campaign.state is CampaignState.FINISHED:
        if campaign.leaves:
            raise CampaignError(
                f"{name} has been sent, on {said_day(campaign)}.",
                remedy=f"Make a new campaign with `mergecast create`, or `mergecast resend {name} --failed`.",
            )
        return
    if campaign.state is CampaignState.SCHEDULED:
        if move_alone:
            return
        start = say(from_micros(campaign.starts_at or 0), campaign.zone, desk.clock.now())
        raise CampaignError(
            f"{name} is scheduled already, for {start}.",
            remedy=f"`--at` alone moves it; to change anything else, `mergecast reopen {name}` first.",
        )
    remedy = f"Let it go on with `mergecast resume {name}`." if campaign.state is CampaignState.PAUSED else ""
    raise CampaignError(f"{name} is {campaign.state}: it cannot be sent.", remedy=remedy)


def said_day(campaign: Campaign) -> str:
    """The day and time of a campaign's start, as an error names it: `24 November, 10:02`."""
    local = from_micros(campaign.starts_at or 0).astimezone(ZoneInfo(campaign.zone))
    return f"{local.day} {MONTHS[local.month - 1]}, {local:%H:%M}"
