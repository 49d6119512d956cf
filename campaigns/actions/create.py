"""`mergecast create`: a campaign is a template for a list, through a transport, at a time."""

import dataclasses
import os
from collections.abc import Sequence
from email.utils import getaddresses

from campaigns.actions.basis import list_named, reply_to_of, sender_of, transport_named
from campaigns.actions.clearing import clear, take_over
from campaigns.actions.desk import Desk
from campaigns.actions.naming import CampaignTold, told
from campaigns.actions.series import ONCE, ComesRound, keep, read_first, refuse_single
from campaigns.actions.times import Times, by_recipients, columns_of, read_start
from campaigns.actions.window import refuse_shut
from campaigns.clock import to_micros
from campaigns.compose.source import TemplateSource, load_template
from campaigns.errors import CampaignError, UsageError
from campaigns.model.audience import EVERYBODY, Audience
from campaigns.model.pause_above import PauseAbove
from campaigns.model.predicate import rules_of
from campaigns.model.states import CampaignKind, CampaignState
from campaigns.model.throttle import Throttle
from campaigns.settings import LOCAL
from campaigns.store import approvals, campaigns, history, lists, sheets
from campaigns.store.campaigns import SENDER, Campaign
from campaigns.store.engine import Connection

REPLACEABLE = (CampaignState.DRAFT, CampaignState.CHECKED, CampaignState.APPROVED)


def create(
    desk: Desk,
    name: str,
    *,
    template: str,
    list_name: str,
    transport: str = LOCAL,
    sender: str = "",
    at: str = "",
    zone: str = "",
    times: Times = Times(),  # noqa: B008 - it cannot change
    throttles: Sequence[str] = (),
    pause_above: str = "",
    audience: Audience = EVERYBODY,
    comes_round: ComesRound = ONCE,
    transactional: bool = False,
    replace: bool = False,
) -> CampaignTold:
    """Make a draft; UsageError, TemplateError, WhenError, ThrottleError, WindowError or ConditionError, and then there is none.

    Empty options fall back: `sender` to the template's front matter, then to the settings; `at` to now; `zone` to the
    workspace's; `pause_above` to the settings', and "never" to none. `audience` is kept as it is, and judged at each check and when the campaign is sent.
    """
    settings = desk.workspace.settings
    tidy = _tidy(name)
    source = load_template(desk.workspace.root, template)
    way_out = transport_named(settings, transport)
    given = _one_address(sender)
    start = read_start(settings, at, zone, times, desk.clock.now())
    limits = [str(Throttle.parse(text)) for text in throttles]
    kind = _kind(source, transactional=transactional)
    comes_round.look(start.zone, at, own_clocks=by_recipients(zone), at_column=times.at_column)
    _refuse_taken(desk, tidy, replace=replace)
    read_first(desk, list_name, comes_round)
    with desk.store.read() as conn:
        into, sheet = list_named(conn, list_name)
        when = columns_of(zone, times, start, sheets.columns_of(conn, sheet.id))
        audience = _fitting(conn, audience, into, sheet)
        there = campaigns.find(conn, tidy)
        if there:
            refuse_single(conn, there, comes_round)
    now = desk.clock.now()
    columns = {
        "kind": str(kind),
        "list_id": into.id,
        "sheet_id": None,
        "template": source.name,
        "version_id": None,
        "sender_given": given,
        "sender": sender_of(given, source, settings),
        "reply_to": reply_to_of(source, settings),
        "public_url": settings.public_url,
        "transport": transport,
        "leaves": way_out.leaves,
        **when,
        "late_after": int(settings.late_after.total_seconds()),
        "give_up_after": int(settings.gives_up_after(kind).total_seconds()),
        "throttles": "\n".join(limits),
        "tag_salt": os.urandom(16),
        "made_at": to_micros(now),
        "who": desk.who,
        "audience": audience.pack(),
        "pause_above": _pauses_above(pause_above, settings.pause_above),
    }
    if there:
        _empty(desk, there, replace=replace)
    with desk.store.write() as conn:
        if there:
            campaign_id = there.id
            approvals.withdraw(conn, campaign_id, at=to_micros(now))
            campaigns.update(conn, campaign_id, checking="", fingerprint="", **columns)
        else:
            campaign_id = campaigns.insert(conn, name=tidy, state=str(CampaignState.DRAFT), **columns)
        keep(conn, campaign_id, comes_round)
        refuse_shut(settings, campaigns.needed(conn, campaign_id), now)
        detail = {
            "template": source.name,
            "list": list_name,
            "transport": transport,
            "audience": audience.as_json(),
            "replaces": there is not None,
            **{name: columns[name] for name in SENDER},
        }
        history.record(conn, at=now, who=desk.who, verb="create", thing="campaign", thing_id=campaign_id, detail=detail)
        return told(conn, campaign_id)


def _refuse_taken(desk: Desk, name: str, *, replace: bool) -> None:
    """Before a sheet is read for a campaign that cannot be made."""
    with desk.store.read() as conn:
        there = campaigns.find(conn, name)
    if there and (not replace or there.state not in REPLACEABLE):
        raise _taken(there)


def _pauses_above(text: str, usual: PauseAbove | None) -> str:
    if text.strip().lower() == "never":
        return ""
    return str(PauseAbove.parse(text) if text else usual or "")


def _tidy(name: str) -> str:
    tidy = " ".join(name.split())
    if not tidy or not tidy.isprintable() or len(tidy) > 200:
        raise UsageError(
            "A campaign needs a name of letters, at most 200.", remedy="Like `spring` or `May newsletter`."
        )
    return tidy


def _one_address(text: str) -> str:
    """An address as typed, with or without a display name."""
    if not text:
        return ""
    found = getaddresses([text])
    if len(found) != 1 or "@" not in found[0][1] or not text.isprintable():
        raise UsageError(f"{text!r} is not one mail address.", remedy='Write it like "Ada <ada@example.org>".')
    return text.strip()


def refuse_own_list(audience: Audience, list_name: str) -> None:
    """UsageError if a list is excluded from its own campaign."""
    if any(name.casefold().strip() == list_name.casefold().strip() for name in audience.exclude):
        raise UsageError(
            f"The campaign is for the list {list_name}, and excludes it: nobody would be left.",
            remedy="Exclude another list.",
        )


def _fitting(conn: Connection, audience: Audience, into: lists.List, sheet: sheets.Sheet) -> Audience:
    """The audience with the lists' own names; ConditionError or UsageError if it does not fit the sheet or the lists."""
    if audience.where:
        rules_of(audience.where, sheets.columns_of(conn, sheet.id))
    names = dict.fromkeys(list_named(conn, name)[0].name for name in audience.exclude)
    audience = dataclasses.replace(audience, exclude=tuple(names))
    refuse_own_list(audience, into.name)
    return audience


def _kind(source: TemplateSource, *, transactional: bool) -> CampaignKind:
    if transactional:
        return CampaignKind.TRANSACTIONAL
    return CampaignKind(source.front_matter.text("kind") or CampaignKind.BULK)


def _empty(desk: Desk, campaign: Campaign, *, replace: bool) -> None:
    """Take away what was staged for the campaign whose place the new one takes."""
    if not replace:
        raise _taken(campaign)
    clear(desk, campaign, take_over(desk, campaign, allowed=REPLACEABLE))


def _taken(campaign: Campaign) -> CampaignError:
    can_be = campaign.state in REPLACEABLE
    return CampaignError(
        f"There is a campaign {campaign.name!r} already: it is {campaign.state}.",
        remedy="Take another name" + (", or `--replace` to make it anew." if can_be else "."),
    )
