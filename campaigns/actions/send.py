"""`mergecast send`: check, ask, and queue, which is one UPDATE of the campaign's row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from campaigns.actions import approval, promises
from campaigns.actions.basis import Basis, basis_of, day_of
from campaigns.actions.canary import refuse_all, set_apart
from campaigns.actions.check import CheckResult, found
from campaigns.actions.desk import Desk
from campaigns.actions.held import before_queueing
from campaigns.actions.naming import campaign_named, canary_of, hold_of, starts, times_of
from campaigns.actions.outlook import Plan, plan_of
from campaigns.actions.past import past_groups, settle_past, warning
from campaigns.actions.prepare import PREPARABLE, prepare
from campaigns.actions.progress import Progress, silent
from campaigns.actions.rereading import read_again
from campaigns.actions.shares import Share, shares
from campaigns.actions.window import opens_later, refuse_shut
from campaigns.actions.wished import SECOND, Wish, as_wished, said_day
from campaigns.clock import from_micros, to_micros
from campaigns.errors import CampaignError
from campaigns.model.canary import Canary
from campaigns.model.states import CampaignState, MessageState
from campaigns.store import campaigns, history, lanes, late, reporting, staging, suppressions, workers
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection

REMEMBERED = timedelta(days=30)  # how long the same mail to the same people is taken for a mistake
SAID = 3  # of what stops a campaign; `check` shows the rest
SUPPRESSED_AT_ONCE = 10_000  # people of one transaction: 15 ms

_READY = (CampaignState.CHECKED, CampaignState.APPROVED)
_REACHED = (
    MessageState.ACCEPTED,
    MessageState.DELIVERED,
    MessageState.BOUNCED,
    MessageState.COMPLAINED,
    MessageState.UNCERTAIN,
    MessageState.LEASED,
)

Confirm = Callable[[CheckResult], bool]


class PastMidnightError(CampaignError):
    """What was checked prints a day that is over."""


@dataclass(frozen=True, slots=True)
class Queued:
    """What stands in the outbox now."""

    campaign: Campaign
    queued: int
    left_out: int
    worker_running: bool
    opens: datetime | None = None  # when its send windows do, where they are shut at its start
    shares: tuple[Share, ...] = ()  # of `send`: what goes through which transport
    plan: Plan | None = None  # of `send`, where it was planned anew

    def as_json(self) -> dict[str, Any]:
        return {
            "campaign": self.campaign.name,
            "state": str(self.campaign.state),
            "starts": starts(self.campaign),
            "times": times_of(self.campaign),
            "hold": hold_of(self.campaign),
            "opens": self.opens.isoformat() if self.opens else None,
            "canary": canary_of(self.campaign),
            "transport": self.campaign.transport,
            "leaves": self.campaign.leaves,
            "queued": self.queued,
            "left_out": self.left_out,
            "worker_running": self.worker_running,
            "shares": [share.as_json() for share in self.shares],
            "plan": self.plan.in_short() if self.plan else None,
        }


def send(
    desk: Desk,
    name: str,
    *,
    transport: str = "",
    at: str = "",
    again: bool = False,
    canary: Canary | None = None,
    hold: int = 0,
    if_late: str = "",
    confirm: Confirm,
    progress: Progress = silent,
) -> Queued:
    """Queue a campaign, or move the start of one that is queued; CampaignError if something stands against it.

    `confirm` is shown what the check found, and says whether a person accepts it. `canary` leaves first and alone.
    Without one, `hold` (seconds) is the time between this and the first mail, in which it can be reopened. `if_late` is a
    policy of `model.late.Late`, "" the campaign's own.
    """
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
    wished = as_wished(desk, campaign, Wish(transport, at, canary, hold, if_late))
    refuse_shut(desk.workspace.settings, wished, desk.clock.now())
    if campaign.state in PREPARABLE:
        read_again(desk, campaign)
    basis = basis_of(desk, wished)
    if campaign.state is CampaignState.SCHEDULED:
        _refuse_other_start(desk, basis)
    if campaign.state is CampaignState.SCHEDULED and not _changes_mails(basis):
        _move(desk, basis)
        plan = _planned_anew(desk, name)
    else:
        twins = [] if again else _twins(desk, basis)
        _refuse_what_left(desk, basis, twins)
        checked = checked_now(desk, basis, progress)
        refuse_stops(checked)
        refuse_all(canary, checked)
        _refuse_people_reached(desk, basis, twins)
        _refuse_unapproved(desk, basis, checked)
        past = past_groups(desk, basis.campaign)
        plan = _planned(desk, basis, canary, hold)
        warned = (warning(basis.campaign, past, desk.clock.now()),) if past else ()
        if not confirm(replace(checked, findings=(*checked.findings, *warned), plan=plan)):
            raise CampaignError(f"{name} was not queued: nobody said yes.")
        _suppress(desk, campaign)
        settle_past(desk, basis.campaign, past)
        _queue(desk, basis, canary, set_apart(desk, campaign, canary), hold=hold, plan=plan)
    with desk.store.read() as conn:
        return replace(_queued(desk, conn, basis), plan=plan)


def _planned(desk: Desk, basis: Basis, canary: Canary | None, hold: int) -> Plan:
    """As it would go if it were queued now, by its row as a check left it and this call's wishes."""
    wished = basis.campaign
    with desk.store.read() as conn:
        campaign = replace(
            campaign_named(conn, wished.name),
            transport=wished.transport,
            leaves=wished.leaves,
            starts_wall=wished.starts_wall,
            starts_at=wished.starts_at,
            late=wished.late,
        )
        return plan_of(desk, conn, campaign, canary=canary, hold=hold)


def _planned_anew(desk: Desk, name: str) -> Plan:
    """Of one that is queued, and whose start was moved."""
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
        plan = plan_of(desk, conn, campaign)
    with desk.store.write() as conn:
        promises.promise(conn, campaign.id, plan, at=desk.clock.micros())
    return plan


def _queued(desk: Desk, conn: Connection, basis: Basis) -> Queued:
    campaign, now = campaign_named(conn, basis.campaign.name), desk.clock.now()
    return Queued(
        campaign,
        staging.count_messages(conn, campaign.id),
        sum(staging.count_left_out(conn, campaign.id).values()),
        workers.alive(conn, now) is not None,
        opens_later(desk.workspace.settings, campaign, now),
        shares(conn, basis),
    )


def _changes_mails(basis: Basis) -> bool:
    """Whether a moved start changes what the mails say, or when each of them is due."""
    campaign = basis.campaign
    if campaign.has_own_times:
        return True
    return campaign.prints_today and basis.prepared(prints_today=True) != campaign.prepared


def _refuse_other_start(desk: Desk, basis: Basis) -> None:
    with desk.store.read() as conn:
        mails = staging.count_messages(conn, basis.campaign.id)
        approval.demand(conn, basis, mails, only=approval.START)


def _move(desk: Desk, basis: Basis) -> None:
    campaign, now = basis.campaign, desk.clock.now()
    starts_at = to_micros(now) if campaign.starts_at is None else campaign.starts_at
    with desk.store.write() as conn:
        still = campaign_named(conn, campaign.name)
        if still.state is not CampaignState.SCHEDULED:
            raise CampaignError(f"{campaign.name} is {still.state} by now: its start cannot be moved.")
        approval.moved(conn, basis, at=to_micros(now))
        hold = campaign.hold if campaign.canary else 0  # a start that was chosen anew waits no longer
        campaigns.update(
            conn, campaign.id, starts_wall=campaign.starts_wall, starts_at=starts_at, hold=hold, late=campaign.late
        )
        _remember(desk, conn, campaign, starts_at)


def _twins(desk: Desk, basis: Basis) -> list[Campaign]:
    """Campaigns of the same words for the same sheet: the wrong Enter key, unless they are for others of its people."""
    if not basis.campaign.leaves:
        return []
    since = to_micros(desk.clock.now() - REMEMBERED)
    with desk.store.read() as conn:
        found = campaigns.same_mail(conn, basis.fingerprint(), since=since)
    return [twin for twin in found if twin.id != basis.campaign.id]


def _refuse_what_left(desk: Desk, basis: Basis, twins: list[Campaign]) -> None:
    """CampaignError if a twin was for everybody, as this campaign is."""
    for twin in twins:
        if not (twin.audience or basis.campaign.audience):
            with desk.store.read() as conn:
                counts = reporting.count_messages(conn, twin.id, twin.state)
            _refuse_reached(twin, counts, "people")


def _refuse_people_reached(desk: Desk, basis: Basis, twins: list[Campaign]) -> None:
    """CampaignError if this campaign, checked by now, has people of a twin that was for some of its sheet's people."""
    for twin in twins:
        if twin.audience or basis.campaign.audience:
            with desk.store.read() as conn:
                counts = reporting.count_shared(conn, basis.campaign.id, twin.id, twin.state)
            _refuse_reached(twin, counts, "of these people")


def _refuse_reached(twin: Campaign, counts: Mapping[MessageState, int], whom: str) -> None:
    reached, waiting = sum(counts[state] for state in _REACHED), counts[MessageState.QUEUED]
    if reached:
        sentence = f"This mail went to {_of_people(reached, whom)} on {said_day(twin)}."
    elif waiting:
        sentence = f"This mail is queued for {_of_people(waiting, whom)} already, as {twin.name}, for {said_day(twin)}."
    else:
        return
    raise CampaignError(sentence, remedy="To send it again: `--again`.")


def _of_people(number: int, whom: str) -> str:
    return "1 person" if number == 1 and whom == "people" else f"{number:,} {whom}"


def checked_now(desk: Desk, basis: Basis, progress: Progress) -> CheckResult:
    """What a check says of the campaign; rows are rendered again only if something has changed since the last one."""
    campaign = basis.campaign
    fresh = campaign.state in _READY and campaign.prepared == basis.prepared(prints_today=campaign.prints_today)
    if not fresh:
        allowed = PREPARABLE if campaign.state in PREPARABLE else (campaign.state,)
        prepare(desk, basis, allowed=allowed, progress=progress)
    lanes.settle(desk.store, basis.settings.all_limits.group_of())  # a route may be newer than the last check
    with desk.store.read() as conn:
        checked = found(conn, campaign_named(conn, campaign.name))
        told = shares(conn, basis)
    through, leaves = campaign.transport, campaign.leaves  # those of this call
    return replace(checked, transport=through, leaves=leaves, shares=told)


def refuse_stops(checked: CheckResult) -> None:
    if checked.stops:
        said = [f"{stop.sentence} ({stop.where})" if stop.where else stop.sentence for stop in checked.stops[:SAID]]
        more = [f"And {len(checked.stops) - SAID} more."] if len(checked.stops) > SAID else []
        raise CampaignError(
            " ".join((f"{checked.campaign} cannot be sent.", *said, *more)),
            remedy=f"{checked.stops[0].remedy} `mergecast check {checked.campaign}` shows everything.".strip(),
        )


def _refuse_unapproved(desk: Desk, basis: Basis, checked: CheckResult) -> None:
    with desk.store.read() as conn:
        now = campaign_named(conn, checked.campaign)
        approval.demand(conn, basis, checked.ready, prints_today=now.prints_today)


def _suppress(desk: Desk, campaign: Campaign) -> None:
    """Take out whoever was suppressed since the check."""
    with desk.store.read() as conn:
        if not suppressions.count(conn):
            return
    after: int | None = 0
    while after is not None:
        with desk.store.write() as conn:
            now = desk.clock.micros()
            _, after = staging.suppress_some(conn, campaign.id, after=after, limit=SUPPRESSED_AT_ONCE, at=now)


def _queue(desk: Desk, basis: Basis, canary: Canary | None, canary_mails: int, *, hold: int, plan: Plan) -> None:
    campaign, now = basis.campaign, desk.clock.micros()
    planned = campaign.starts_at
    if campaign.has_own_times:
        with desk.store.read() as conn:  # a look at every message, so outside of any writer's time
            planned = late.first_due(conn, campaign.id)
    with desk.store.write() as conn:
        checked = campaign_named(conn, campaign.name)
        starts_at = max(planned or now, now if campaign.has_own_times else 0, now + hold * SECOND if hold else 0)
        if checked.prints_today and not campaign.has_own_times and day_of(starts_at, campaign.zone) != basis.today:
            raise PastMidnightError(
                f"Midnight has passed, and {campaign.name} prints the date.", remedy="Send it again."
            )
        # Once more: it may have been taken back while somebody was asked.
        approval.demand(conn, basis, staging.count_messages(conn, campaign.id), prints_today=checked.prints_today)
        approval.holds(conn, basis, prints_today=checked.prints_today, at=now)
        before_queueing(desk, conn)
        if not staging.queue(
            conn,
            campaign.id,
            prepared=basis.prepared(prints_today=checked.prints_today),
            checked_for=" ".join(basis.kinds),
            transport=campaign.transport,
            leaves=campaign.leaves,
            zone=campaign.zone,
            starts_wall=campaign.starts_wall,
            starts_at=starts_at,
            at=now,
            canary=canary,
            canary_mails=canary_mails,
            hold=hold if hold and starts_at == now + hold * SECOND else 0,
        ):
            raise CampaignError(
                f"{campaign.name} was changed or queued by somebody else meanwhile.",
                remedy=f"Look at it with `mergecast status {campaign.name}`, and send it again if it is not queued.",
            )
        campaigns.update(conn, campaign.id, late=campaign.late)
        promises.promise(conn, campaign.id, plan, at=now)
        _remember(desk, conn, campaign, starts_at)


def _remember(desk: Desk, conn: Connection, campaign: Campaign, starts_at: int) -> None:
    detail = {"transport": campaign.transport, "starts": from_micros(starts_at).isoformat()}
    history.record(
        conn, at=desk.clock.now(), who=desk.who, verb="send", thing="campaign", thing_id=campaign.id, detail=detail
    )
