"""Shapes: each kept once a campaign, and their constant pieces once a template version."""

import hashlib
import json
import zlib
from collections.abc import MutableMapping

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, union_all

from campaigns.message.shape import Shape, pack_shape
from campaigns.model.states import Wave
from campaigns.store.literal import literal
from campaigns.store.steering import LEASED, SETTLED
from campaigns.store.tables import QUEUED, constants, messages, shapes, versions


def keep(conn: Connection, campaign_id: int, version_id: int, shape: Shape, known: MutableMapping[bytes, int]) -> int:
    """The id of a campaign's shape, kept if it is new; `known` carries constants' numbers from call to call."""
    parts = pack_shape(shape, lambda piece: _constant(conn, version_id, piece, known))
    sha256 = hashlib.sha256(parts).digest()
    there: int | None = conn.scalar(_SHAPE, {"campaign": campaign_id, "hash": sha256})
    if there is not None:
        return there
    row = {"campaign_id": campaign_id, "version_id": version_id, "parts": parts, "sha256": sha256}
    made: int = conn.scalars(_ADD_SHAPE, row).one()
    return made


def count(conn: Connection, campaign_id: int, version_id: int | None) -> int:
    """How many shapes the mails of a campaign have; those of proofs of other versions are no part of them."""
    mine = and_(shapes.c.campaign_id == campaign_id, shapes.c.version_id == version_id)
    return conn.scalar(select(func.count()).where(mine)) or 0


def images(conn: Connection, campaign_id: int, *, template: str, sha256: str) -> list[str]:
    """The names, which follow from their content, of all images in a campaign's mails of one version of its template."""
    version = select(versions.c.id).where(versions.c.template == template, versions.c.sha256 == sha256)
    mine = and_(shapes.c.campaign_id == campaign_id, shapes.c.version_id.in_(version))
    found: set[str] = set()
    for parts in conn.scalars(select(shapes.c.parts).where(mine).execution_options(yield_per=1_000)):
        if b'"images":[]' not in parts:
            found.update(cid for cid, *_ in json.loads(parts)["images"])
    return sorted(found)


def remove_some(conn: Connection, campaign_id: int, *, limit: int) -> int:
    """Remove up to `limit` shapes of a campaign, all but those of proofs, which may be asked for; how many it removed."""
    # "+ 0" keeps SQLite on the small indexes of proofs and of what is leased.
    few, settled = messages.c.campaign_id + literal(0) == campaign_id, messages.c.campaign_id == campaign_id
    looks = ((QUEUED, few), (LEASED, few), (SETTLED, settled))
    proof = select(messages.c.shape_id).where(messages.c.wave == literal(Wave.PROOF))
    proofs = union_all(*(proof.where(*look) for look in looks))
    some = select(shapes.c.id).where(shapes.c.campaign_id == campaign_id, shapes.c.id.not_in(proofs)).limit(limit)
    return conn.execute(delete(shapes).where(shapes.c.id.in_(some))).rowcount


def _constant(conn: Connection, version_id: int, piece: bytes, known: MutableMapping[bytes, int]) -> int:
    sha256 = hashlib.sha256(piece).digest()
    number = known.get(sha256)
    if number is None:
        number = conn.scalar(_CONSTANT, {"version": version_id, "hash": sha256})
        if number is None:
            row = {"version_id": version_id, "sha256": sha256, "body": zlib.compress(piece)}
            number = conn.scalars(_ADD_CONSTANT, row).one()
        known[sha256] = number
    return number


_SHAPE = select(shapes.c.id).where(shapes.c.campaign_id == bindparam("campaign"), shapes.c.sha256 == bindparam("hash"))
_CONSTANT = select(constants.c.id).where(
    constants.c.version_id == bindparam("version"), constants.c.sha256 == bindparam("hash")
)
_ADD_SHAPE = insert(shapes).returning(shapes.c.id)
_ADD_CONSTANT = insert(constants).returning(constants.c.id)
