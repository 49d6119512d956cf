"""Campaigns: one row each, and the guarded change of its state."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from campaigns.model.states import CampaignKind, CampaignState
from campaigns.store import tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign as it stands in the store; instants are microseconds UTC."""

    id: int
    name: str
    kind: CampaignKind
    state: CampaignState
    reason: str = ""
    list_id: int
    sheet_id: int | None = None
    template: str
    version_id: int | None = None
    sender_given: str = ""  # what the person asked for; "" leaves it to the front matter and the settings
    sender: str = ""  # From, with its display name
    reply_to: str = ""
    public_url: str = ""
    transport: str
    leaves: bool
    zone: str
    starts_wall: str = ""  # "2026-12-01T09:00"; "" is now
    starts_at: int | None = None
    late_after: int  # seconds
    give_up_after: int  # seconds
    throttles: str = ""  # text forms, a line each
    tag_salt: bytes
    prints_today: bool = False
    checking: str = ""  # the token of the check that is staging messages just now
    prepared: str = ""  # hash of all that the staged messages were made from
    fingerprint: str = ""  # hash of sheet and template version
    series: str | None = None
    occurrence: str | None = None
    rows: int = 0
    made_at: int
    who: str
    queued_at: int | None = None
    finished_at: int | None = None
    audience: str = ""  # JSON, see `campaigns/model/audience.py`; "" is everybody
    pruned_at: int | None = None  # when the content of its mails began to be pruned
    pause_above: str = ""  # text form; "" is never
    canary: str = ""  # text form; "" where all leave together
    canary_mails: int = 0
    hold: int = 0  # seconds
    holds_until: int | None = None  # None until the canary has left
    checked_for: str = ""  # the kinds of transports that its queued mails were checked for
    windows: str = ""  # its own send windows: text forms, a line each
    holidays: str = ""  # on which those are shut
    late: str = ""  # what becomes of late mail; "" is to ask
    zone_by: str = ""  # the fields that say each person's zone, a line each; `zone` is of those whose row says none
    starts_by: str = ""  # "recipient" where `starts_wall` is on each person's clock
    at_column: str = ""  # the field that says each person's instant

    @property
    def has_own_times(self) -> bool:
        """Whether each message has a due instant of its own."""
        return bool((self.starts_by and self.starts_wall) or self.at_column)

    @property
    def own_lanes(self) -> bool:
        """Whether a check decides when, or in which zone, each message waits."""
        return bool(self.zone_by or self.at_column)

    def canary_alone(self, now: int) -> bool:
        """Whether only its canary may leave."""
        return bool(self.canary) and (self.holds_until is None or now < self.holds_until)


def find(conn: Connection, name: str) -> Campaign | None:
    return _one(conn, tables.campaigns.c.name == name)


def by_id(conn: Connection, campaign_id: int) -> Campaign | None:
    return _one(conn, tables.campaigns.c.id == campaign_id)


def needed(conn: Connection, campaign_id: int) -> Campaign:
    """The campaign of an id that is known to be there."""
    found = by_id(conn, campaign_id)
    assert found is not None
    return found


def names(conn: Connection) -> Sequence[str]:
    """Every campaign's name, the newest first."""
    return conn.scalars(select(tables.campaigns.c.name).order_by(tables.campaigns.c.id.desc())).all()


def same_mail(conn: Connection, fingerprint: str, *, since: int) -> list[Campaign]:
    """Campaigns of that fingerprint whose mail leaves, or left since then (microseconds UTC), the latest first."""
    columns = tables.campaigns.c
    same = select(columns.id).where(
        columns.fingerprint == fingerprint,
        columns.leaves,
        columns.queued_at.is_not(None),
        columns.starts_at >= since,
    )
    found = (by_id(conn, key) for key in conn.scalars(same.order_by(columns.starts_at.desc())).all())
    return [campaign for campaign in found if campaign]


def insert(conn: Connection, **columns: Any) -> int:
    """A new campaign; its id."""
    made: int = conn.scalars(sa.insert(tables.campaigns).values(columns).returning(tables.campaigns.c.id)).one()
    return made


def update(conn: Connection, campaign_id: int, **columns: Any) -> None:
    conn.execute(sa.update(tables.campaigns).where(tables.campaigns.c.id == campaign_id).values(columns))


def change_state(
    conn: Connection, campaign_id: int, to: CampaignState, *, allowed: Collection[CampaignState], reason: str = ""
) -> bool:
    """Change the state if it is one of `allowed` just now; False if it is another."""
    changed = conn.execute(
        sa.update(tables.campaigns)
        .where(tables.campaigns.c.id == campaign_id, tables.campaigns.c.state.in_([str(s) for s in allowed]))
        .values(state=str(to), reason=reason)
    )
    return changed.rowcount == 1


def _one(conn: Connection, condition: Any) -> Campaign | None:
    row = conn.execute(select(*(tables.campaigns.c[name] for name in _NAMES)).where(condition)).one_or_none()
    if row is None:
        return None
    columns = row._asdict()
    columns["kind"] = CampaignKind(columns["kind"])
    columns["state"] = CampaignState(columns["state"])
    return Campaign(**columns)


SENDER = (
    "sender",
    "reply_to",
    "public_url",
    "kind",
)  # what all mails share; a draft's proofs may have left with others

_NAMES = [field.name for field in fields(Campaign)]
