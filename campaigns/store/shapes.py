"""Shapes: each kept once a campaign, and their constant pieces once a template version."""

import hashlib
import zlib
from collections.abc import MutableMapping

from sqlalchemy import Connection, delete, func, insert, or_, select

from campaigns.message.shape import Shape, pack_shape
from campaigns.model.states import MessageState, Wave
from campaigns.store.literal import literal
from campaigns.store.tables import QUEUED, constants, messages, shapes


def keep(conn: Connection, campaign_id: int, version_id: int, shape: Shape, known: MutableMapping[bytes, int]) -> int:
    """The id of a campaign's shape, kept if it is new; `known` carries constants' numbers from call to call."""
    parts = pack_shape(shape, lambda piece: _constant(conn, version_id, piece, known))
    sha256 = hashlib.sha256(parts).digest()
    same = select(shapes.c.id).where(shapes.c.campaign_id == campaign_id, shapes.c.sha256 == sha256)
    there: int | None = conn.scalar(same)
    if there is not None:
        return there
    made: int = conn.scalars(
        insert(shapes)
        .values(campaign_id=campaign_id, version_id=version_id, parts=parts, sha256=sha256)
        .returning(shapes.c.id)
    ).one()
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
        same = select(constants.c.id).where(constants.c.version_id == version_id, constants.c.sha256 == sha256)
        number = conn.scalar(same)
        if number is None:
            row = insert(constants).values(version_id=version_id, sha256=sha256, body=zlib.compress(piece))
            number = conn.scalars(row.returning(constants.c.id)).one()
        known[sha256] = number
    return number
