"""People whose time is over already when their campaign is queued: how many that concerns, and what becomes of them."""

from collections.abc import Callable
from datetime import datetime

from campaigns.actions.desk import Desk
from campaigns.actions.window import ways_of, windows_of
from campaigns.clock import from_micros, to_micros
from campaigns.model.finding import Finding
from campaigns.model.late import Late, next_chance
from campaigns.model.states import Severity
from campaigns.model.when import say
from campaigns.store import lanes, late
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.late import Group

_BECOMES = {
    Late.SEND: "They get their mail at once.",
    Late.ASK: "They get their mail at once.",
    Late.NEXT_WINDOW: "They get it at the next opening of the send windows, or at the same time of the next day.",
    Late.EXPIRE: "They get none.",
}


def past_groups(desk: Desk, campaign: Campaign) -> list[Group]:
    """The staged messages whose own instant has passed."""
    with desk.store.read() as conn:
        return _past(desk, conn, campaign)


def _past(desk: Desk, conn: Connection, campaign: Campaign) -> list[Group]:
    if not campaign.has_own_times:
        return []
    found = late.groups(conn, campaign.id, before=desk.clock.micros(), own_times=True)
    return [group for group in found if group.due_at]


def warning(campaign: Campaign, past: list[Group], now: datetime) -> Finding:
    """Of the people whose time is over: how many they are, and what becomes of them."""
    policy, people = policy_of(campaign), sum(group.messages for group in past)
    since = say(from_micros(min(group.due_at for group in past)), campaign.zone, now)
    others = ", ".join(f"`--late {one}`" for one in (Late.SEND, Late.NEXT_WINDOW, Late.EXPIRE) if one is not policy)
    return Finding(
        "time_is_over",
        Severity.WARNS,
        f"For {people:,} {'person' if people == 1 else 'people'} the time is over already, "
        f"for the first since {since}. {_BECOMES[policy]}",
        f"Move the start with `--at`, or choose what becomes of them: {others}.",
        rows=people,
    )


def settle_past(desk: Desk, campaign: Campaign, past: list[Group]) -> None:
    """Do with them what the campaign's policy says."""
    with desk.store.read() as conn:
        chance = _chance(desk, conn, campaign)
    late.settle(desk.store, campaign.id, past, policy_of(campaign), next_chance=chance, now=desk.clock.micros())


def chances(desk: Desk, conn: Connection, campaign: Campaign) -> list[tuple[Group, int | None]]:
    """Those messages with the instant at which they would leave: 0 at once, None never."""
    policy, chance = policy_of(campaign), _chance(desk, conn, campaign)

    def at(group: Group) -> int | None:
        if policy is Late.EXPIRE:
            return None
        return chance(group) if policy is Late.NEXT_WINDOW else 0

    return [(group, at(group)) for group in _past(desk, conn, campaign)]


def _chance(desk: Desk, conn: Connection, campaign: Campaign) -> Callable[[Group], int | None]:
    """When a group leaves that waits for its next chance."""
    now = desk.clock.now()
    settings = desk.workspace.settings
    ways = ways_of(settings, campaign)
    zones, names = lanes.parts(conn), lanes.names(conn)

    def chance(group: Group) -> int | None:
        _, zone = zones.get(lanes.plain(group.lane), (0, campaign.zone))
        home = ways.home(names.get(lanes.group_of(group.lane, zones), ""))
        windows = windows_of(settings, campaign, home).for_recipient(zone)
        at = next_chance(windows, from_micros(group.due_at), zone, now)
        return None if at is None else to_micros(at)

    return chance


def policy_of(campaign: Campaign) -> Late:
    return Late(campaign.late or Late.ASK)
