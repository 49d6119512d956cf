"""What an approval binds, and whether it still holds."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from campaigns.actions.basis import Basis, basis_of
from campaigns.actions.desk import Desk
from campaigns.clock import from_micros
from campaigns.errors import CampaignError, MergecastError
from campaigns.model.states import CampaignState
from campaigns.model.when import say_wall
from campaigns.store import approvals, shapes
from campaigns.store.approvals import Approval
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection

# What is bound, as it is said when it changes.
SAID = {
    "sheet": "the sheet",
    "audience": "the audience",
    "template": "the template",
    "images": "a picture",
    "files": "the attachments",
    "kind": "its kind, bulk or transactional",
    "sender": "the sender",
    "reply_to": "where answers go",
    "public_url": "`public_url`",
    "locale": "the locale",
    "transport": "the transport",
    "start": "the start",
    "throttles": "the throttles",
    "times": "the send windows or people's own times",
    "today": "the date that it prints",
    "series": "when it comes round, or for whom",
}
MADE = (CampaignState.DRAFT, CampaignState.CHECKED, CampaignState.APPROVED)  # nothing of it is frozen
START = ("start",)  # the only part of a queued campaign that can still change


@dataclass(frozen=True, slots=True)
class ApprovalTold:
    """An approval that nobody has taken back, with what has changed since, in words."""

    who: str
    at: int
    note: str
    changed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        at = from_micros(self.at).isoformat()
        return {"who": self.who, "at": at, "note": self.note, "changed": list(self.changed)}


def parts_of(conn: Connection, basis: Basis, *, prints_today: bool) -> dict[str, str]:
    """What an approval of the campaign binds, part by part; pictures as the last check took them."""
    campaign, source = basis.campaign, basis.source
    comes_round = basis.series is not None and campaign.series is None
    images = shapes.images(conn, campaign.id, template=source.name, sha256=source.sha256)
    parts = {
        "sheet": str(basis.sheet.id),
        "audience": campaign.audience,
        "template": source.sha256,
        "images": " ".join(images),
        "files": basis.files,
        "kind": str(campaign.kind),
        "sender": basis.sender,
        "reply_to": basis.reply_to,
        "public_url": basis.settings.public_url,
        "locale": basis.settings.locale,
        "transport": basis.ways_in_words(),
        "start": f"{campaign.starts_wall} {campaign.zone}" if campaign.starts_wall else "at once",
        "throttles": campaign.throttles,
        "today": basis.today.isoformat() if prints_today else "",
        **_times(campaign),
    }
    return _of_series(parts, basis) if comes_round else parts


def _of_series(parts: dict[str, str], basis: Basis) -> dict[str, str]:
    """What an approval of a series binds: each occurrence has its own sheet and day."""
    mine = basis.series
    assert mine is not None
    rule = f"{mine.every} {basis.campaign.zone}, to {mine.whom}, from {mine.sheet_path}"
    return {**parts, "sheet": "", "start": "", "today": "", "series": rule}


def _times(campaign: Campaign) -> dict[str, str]:
    """When people get their mail; without anything special no part at all, as in approvals that are older than these."""
    times = (campaign.windows, campaign.holidays, campaign.zone_by, campaign.starts_by, campaign.at_column)
    said = "\n".join(times).strip()
    return {"times": "\n".join(times)} if said else {}


def hash_of(parts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def holds(conn: Connection, basis: Basis, *, prints_today: bool, at: int) -> bool:
    """Whether the campaign's approval is for what it is now; one that is not is taken back."""
    approval = approvals.newest(conn, basis.campaign.id)
    if approval is None or not approval.stands:
        return False
    if approval.hash == hash_of(parts_of(conn, basis, prints_today=prints_today)):
        return True
    approvals.withdraw(conn, basis.campaign.id, at=at)
    return False


def moved(conn: Connection, basis: Basis, *, at: int) -> None:
    """A queued campaign starts at another time: an approval of the old one is taken back."""
    approval = approvals.newest(conn, basis.campaign.id)
    if approval is not None and _changed(approval, parts_of(conn, basis, prints_today=False), START):
        approvals.withdraw(conn, basis.campaign.id, at=at)


def demand(
    conn: Connection, basis: Basis, mails: int, *, prints_today: bool = False, only: Collection[str] = SAID.keys()
) -> None:
    """CampaignError where the settings ask for an approval and there is none for these parts, saying what changed.

    An occurrence of a series that was approved must be what was approved, however few mails it has.
    """
    if not (basis.leaves and (0 < basis.settings.approval_from <= mails or _of_approved_series(conn, basis))):
        return
    name = basis.campaign.name
    approval = approvals.newest(conn, basis.campaign.id)
    parts = parts_of(conn, basis, prints_today=prints_today)
    if approval is None and basis.campaign.series is not None and basis.series is not None:
        approval = approvals.newest(conn, basis.series.campaign_id)
        parts = _of_series(parts, basis)
        if approval is not None and set(parts["images"].split()) <= set(approval.parts["images"].split()):
            parts["images"] = approval.parts["images"]  # other rows may show fewer of the pictures
    if approval is None:
        raise CampaignError(
            f"{name} needs an approval: it is {mails:,} mail{'' if mails == 1 else 's'} that leave.",
            remedy=f"Whoever stands for it runs `mergecast approve {name}`, with the `--transport` and `--at` of `send`.",
        )
    by = f"{approval.who} approved it on {said_at(approval.at, basis.campaign.zone)}"
    changed = _changed(approval, parts, only)
    if changed:
        what = "moved" if basis.campaign.state is CampaignState.SCHEDULED else "sent"
        sentence = f"{name} cannot be {what}: {_listed(changed)} changed since {by}."
        raise CampaignError(sentence, remedy=_remedy(basis.campaign))
    if not approval.stands:
        raise CampaignError(f"{name} was changed after {by}, which took that back.", remedy=_remedy(basis.campaign))


def _of_approved_series(conn: Connection, basis: Basis) -> bool:
    if basis.campaign.series is None or basis.series is None:
        return False
    approval = approvals.newest(conn, basis.series.campaign_id)
    return approval is not None and approval.stands


def told(desk: Desk, conn: Connection, campaign: Campaign) -> ApprovalTold | None:
    """The approval of a campaign, unless it was taken back."""
    approval = approvals.newest(conn, campaign.id)
    if approval is None or not approval.stands:
        return None
    changed: tuple[str, ...] = ()
    if campaign.state in (*MADE, CampaignState.RECURRING):
        try:
            parts = parts_of(conn, basis_of(desk, campaign), prints_today=campaign.prints_today)
            if campaign.state is CampaignState.RECURRING:  # its pictures went with what was staged for its start
                parts["images"] = approval.parts["images"]
        except MergecastError:  # the template or the transport is gone, or cannot be read
            parts = {**approval.parts, "template": "", "transport": ""}
        changed = _changed(approval, parts, SAID.keys())
    return ApprovalTold(approval.who, approval.at, approval.note, changed)


def _remedy(campaign: Campaign) -> str:
    name = campaign.name
    if campaign.state is CampaignState.SCHEDULED:
        return f"To change it, `mergecast reopen {name}` first, and have it approved anew."
    return (
        f"Send it as it was approved, or have it approved as it is to be sent now: `mergecast approve {name}`, "
        f"with the `--transport` and `--at` of `send`."
    )


def said_at(at: int, zone: str) -> str:
    """`Tuesday 1 December 2026, 09:00`, in the campaign's zone."""
    return say_wall(from_micros(at).replace(second=0, microsecond=0), zone)


def _changed(approval: Approval, now: Mapping[str, str], only: Collection[str]) -> tuple[str, ...]:
    changed = [part for part in SAID if part in only and approval.parts.get(part, "") != now.get(part, "")]
    if "template" in changed and "images" in changed:
        changed.remove("images")  # those of the new words are not known before they are checked
    return tuple(SAID[part] for part in changed)


def _listed(words: Collection[str]) -> str:
    """`the template, the sender and the start`"""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
