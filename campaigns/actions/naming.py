"""Finding the campaign that a person named, or saying which one they may have meant; and how it is answered."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from campaigns.actions.series_told import series_told
from campaigns.clock import from_micros
from campaigns.errors import UsageError
from campaigns.model.audience import Audience
from campaigns.model.duration import text_of
from campaigns.model.late import Late
from campaigns.store import campaigns, lists, sheets, versions
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection


@dataclass(frozen=True, slots=True)
class CampaignTold:
    """A campaign as the verbs that make and steer one answer it."""

    campaign: Campaign
    list: str
    sheet: int | None  # its number in the list; None before the first check
    version: int | None  # the number of its template's version; None before the first check
    series: dict[str, Any] | None = None  # where it comes round

    def as_json(self) -> dict[str, Any]:
        told = self.campaign
        return {
            "campaign": {
                "name": told.name,
                "state": str(told.state),
                "reason": told.reason,
                "list": self.list,
                "sheet": self.sheet,
                "template": told.template,
                "version": self.version,
                "transport": told.transport,
                "leaves": told.leaves,
                "starts": starts(told),
                "throttles": told.throttles.splitlines(),
                "windows": told.windows.splitlines(),
                "holidays": told.holidays,
                "times": times_of(told),
                "late": told.late or str(Late.ASK),
                "pause_above": told.pause_above,
                "hold": hold_of(told),
                "canary": canary_of(told),
                "audience": Audience.unpack(told.audience).as_json(),
                "series": self.series,
            }
        }


def campaign_named(conn: Connection, name: str) -> Campaign:
    """The campaign of that name; UsageError, with the nearest names, if there is none."""
    found = campaigns.find(conn, name)
    if found is None:
        raise UsageError(
            f"There is no campaign {name!r}.", remedy=did_you_mean(name, campaigns.names(conn), "campaign")
        )
    return found


def did_you_mean(name: str, known: Iterable[str], thing: str) -> str:
    """A remedy: the nearest of the known names, else all of a few, else how to see them."""
    every = list(known)
    near = difflib.get_close_matches(name.casefold(), [one.casefold() for one in every], 2, 0.6)
    if near:
        return f"Did you mean {' or '.join(one for one in every if one.casefold() in near)}?"
    if not every:
        return (
            "There is none yet: make one with `mergecast create`."
            if thing == "campaign"
            else f"There is no {thing} yet."
        )
    return f"There is {', '.join(every[:5])}{', ...' if len(every) > 5 else ''}."


def told(conn: Connection, campaign_id: int) -> CampaignTold:
    """The campaign as it stands now."""
    campaign = campaigns.needed(conn, campaign_id)
    sheet = sheets.by_id(conn, campaign.sheet_id).n if campaign.sheet_id is not None else None
    version = versions.number_of(conn, campaign.version_id) if campaign.version_id is not None else None
    list_name = lists.by_id(conn, campaign.list_id).name
    return CampaignTold(campaign, list_name, sheet, version, series_told(conn, campaign))


def canary_of(campaign: Campaign) -> dict[str, Any] | None:
    """What leaves first, and how long the others wait then; None where all leave together."""
    if not campaign.canary:
        return None
    until = campaign.holds_until
    return {
        "mails": campaign.canary_mails,
        "hold": text_of(timedelta(seconds=campaign.hold)),
        "holds_until": from_micros(until).isoformat() if until is not None else None,
    }


def times_of(campaign: Campaign) -> dict[str, Any] | None:
    """Where each person's own instant comes from; None where all have the same one."""
    if not (campaign.zone_by or campaign.at_column):
        return None
    return {
        "zone_from": campaign.zone_by.splitlines(),
        "by_their_clocks": bool(campaign.starts_by),
        "at_column": campaign.at_column,
    }


def hold_of(campaign: Campaign) -> str:
    """How long nothing leaves after `send`, so that it can be taken back; "" where nothing is held, or a canary leaves first."""
    return text_of(timedelta(seconds=campaign.hold)) if campaign.hold and not campaign.canary else ""


def starts(campaign: Campaign) -> dict[str, str | None]:
    """When it starts: the instant (null until it is queued), the wall time that was meant, and its zone."""
    at = None if campaign.starts_at is None else from_micros(campaign.starts_at).isoformat()
    return {"at": at, "wall": campaign.starts_wall, "zone": campaign.zone}
