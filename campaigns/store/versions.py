"""Versions: each template as it was when it was checked or sent.

Within its template a version is named by its number, 1 for the first that was kept. No version is ever removed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from campaigns.model.states import CampaignState, Wave
from campaigns.store.literal import literal
from campaigns.store.steering import LEASED, SETTLED
from campaigns.store.tables import QUEUED, campaigns, messages, shapes, versions


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it stands in the store; `at` is microseconds UTC."""

    id: int
    number: int
    at: int
    who: str


@dataclass(frozen=True, slots=True)
class Use:
    """What a campaign made of a version."""

    version_id: int
    campaign: str
    state: CampaignState
    messages: int
    proofs: int


def keep(conn: Connection, *, template: str, kind: str, sha256: str, source: bytes, at: int, who: str) -> int:
    """The version of a template with that hash, kept if it is new; its id."""
    same = select(versions.c.id).where(versions.c.template == template, versions.c.sha256 == sha256)
    known: int | None = conn.scalar(same)
    if known is not None:
        return known
    made: int = conn.scalars(
        insert(versions)
        .values(template=template, kind=kind, sha256=sha256, source=source, at=at, who=who)
        .returning(versions.c.id)
    ).one()
    return made


def sha256_of(conn: Connection, version_id: int) -> str:
    found: str = conn.scalars(select(versions.c.sha256).where(versions.c.id == version_id)).one()
    return found


def source_of(conn: Connection, version_id: int) -> bytes:
    """The version as it was packed."""
    found: bytes = conn.scalars(select(versions.c.source).where(versions.c.id == version_id)).one()
    return found


def template_of(conn: Connection, version_id: int) -> str:
    found: str = conn.scalars(select(versions.c.template).where(versions.c.id == version_id)).one()
    return found


def templates(conn: Connection) -> Sequence[str]:
    """The templates of which a version is kept."""
    return conn.scalars(select(versions.c.template).distinct().order_by(versions.c.template)).all()


def of_template(conn: Connection, template: str) -> list[Version]:
    """All versions of a template, the first one first."""
    query = select(versions.c.id, versions.c.at, versions.c.who).where(versions.c.template == template)
    rows = conn.execute(query.order_by(versions.c.id))
    return [Version(row.id, number, row.at, row.who) for number, row in enumerate(rows, 1)]


def number_of(conn: Connection, version_id: int) -> int:
    """A version's number within its template."""
    template = select(versions.c.template).where(versions.c.id == version_id).scalar_subquery()
    query = select(func.count()).where(versions.c.template == template, versions.c.id <= version_id)
    return conn.scalar(query) or 0


def uses(conn: Connection, template: str) -> list[Use]:
    """Which campaigns made mails of a template's versions, and how many; covering looks but for the proofs themselves."""
    mine = select(versions.c.id).where(versions.c.template == template)
    proofs = _proofs_of(conn, template)
    made = {
        (row.version_id, row.id): _mails(conn, row.id)
        for row in conn.execute(select(campaigns.c.id, campaigns.c.version_id).where(campaigns.c.version_id.in_(mine)))
    }
    used = sorted({*made, *proofs})
    about = select(campaigns.c.id, campaigns.c.name, campaigns.c.state)
    told = {row.id: row for row in conn.execute(about.where(campaigns.c.id.in_({campaign for _, campaign in used})))}
    return [
        Use(
            version_id,
            told[campaign].name,
            CampaignState(told[campaign].state),
            made.get((version_id, campaign), 0),
            proofs.get((version_id, campaign), 0),
        )
        for version_id, campaign in used
    ]


def _mails(conn: Connection, campaign_id: int) -> int:
    """All messages of a campaign, which are of one version; proofs aside."""
    counted = select(func.count()).select_from(messages)
    return conn.scalar(counted.where(messages.c.campaign_id == campaign_id, messages.c.wave > literal(0))) or 0


def _proofs_of(conn: Connection, template: str) -> dict[tuple[int, int], int]:
    """How many proofs were made, by version and campaign."""
    made: Counter[tuple[int, int]] = Counter()
    mine = select(versions.c.id).where(versions.c.template == template)
    for some in _PROOFS:  # one look would be one scan of all messages
        query = (
            select(shapes.c.version_id, messages.c.campaign_id, func.count().label("n"))
            .select_from(messages)
            .join(shapes, shapes.c.id == messages.c.shape_id)
            .where(some, messages.c.wave == literal(Wave.PROOF), shapes.c.version_id.in_(mine))
            .group_by(shapes.c.version_id, messages.c.campaign_id)
        )
        made.update({(row.version_id, row.campaign_id): row.n for row in conn.execute(query)})
    return made


_PROOFS = (QUEUED, LEASED, SETTLED)  # each has an index, in which a proof is seen without its row
