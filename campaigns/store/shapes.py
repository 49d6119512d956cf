"""Shapes: each kept once a campaign, and their constant pieces once a template version."""

import hashlib
import zlib
from collections.abc import MutableMapping

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from campaigns.message.shape import Shape, pack_shape
from campaigns.model.states import MessageState, Wave
from campaigns.store.literal import literal
from campaigns.store.tables import QUEUED, constants, messages, shapes


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


def count(conn: Connection, campaign_id: int) -> int:
    return conn.scalar(select(func.count()).where(shapes.c.campaign_id == campaign_id)) or 0


def remove_some(conn: Connection, campaign_id: int, *, limit: int) -> int:
    """Remove up to `limit` shapes of a campaign, all but those of proofs on their way; how many it removed."""
    on_their_way = select(messages.c.shape_id).where(
        messages.c.wave == literal(Wave.PROOF), or_(QUEUED, messages.c.state == literal(MessageState.LEASED))
    )
    some = select(shapes.c.id).where(shapes.c.campaign_id == campaign_id, shapes.c.id.not_in(on_their_way)).limit(limit)
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
