"""Attachments in the store: each file once, which campaigns carry it, and which files are one message's own.

Files that are the same for all of a campaign stand in its shapes; `message_files` has only what differs from person to
person. `campaign_files` says for both that a file is still needed.
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, exists, func, select

from campaigns.message.attachment import Attachment
from campaigns.model.states import MessageState, Wave
from campaigns.store.bulk import insert_new, insert_rows
from campaigns.store.engine import Store
from campaigns.store.kept_files import KeptFiles
from campaigns.store.literal import literal
from campaigns.store.tables import campaign_files, files, message_files, messages

_AT_ONCE = 500  # parameters of one statement

OwnFiles = dict[tuple[int, int], Sequence[Attachment]]  # by address id and recipient id: a person may get several mails


def keep(conn: Connection, campaign_id: int, attachments: Iterable[Attachment], *, at: int) -> dict[str, int]:
    """The ids of files by hash, new ones made, all marked as the campaign's."""
    wanted = {one.sha256: one.size for one in attachments}
    insert_new(conn, files, ("sha256", "size", "at"), [(sha256, size, at) for sha256, size in wanted.items()])
    ids: dict[str, int] = {}
    hashes = list(wanted)
    for start in range(0, len(hashes), _AT_ONCE):
        query = select(files.c.sha256, files.c.id).where(files.c.sha256.in_(hashes[start : start + _AT_ONCE]))
        ids |= {row.sha256: row.id for row in conn.execute(query)}
    insert_new(conn, campaign_files, ("campaign_id", "file_id"), [(campaign_id, number) for number in ids.values()])
    return ids


def of_recipients(conn: Connection, campaign_id: int, own: OwnFiles, ids: Mapping[str, int]) -> None:
    """Give the campaign's messages (proofs aside) their own files."""
    addresses = list({address_id for address_id, _ in own})
    for start in range(0, len(addresses), _AT_ONCE):
        query = select(messages.c.id, messages.c.address_id, messages.c.recipient_id).where(
            messages.c.campaign_id == campaign_id,
            messages.c.address_id.in_(addresses[start : start + _AT_ONCE]),
            messages.c.wave > literal(Wave.PROOF),
        )
        for message_id, *whose in conn.execute(query).all():
            of_message(conn, message_id, own.get((whose[0], whose[1]), ()), ids)


def of_message(conn: Connection, message_id: int, own: Sequence[Attachment], ids: Mapping[str, int]) -> None:
    """Give one message its own files."""
    rows = [(message_id, place, ids[one.sha256], one.name) for place, one in enumerate(own)]
    insert_rows(conn, message_files, ("message_id", "place", "file_id", "name"), rows)


def own(conn: Connection, message_ids: Sequence[int]) -> dict[int, tuple[Attachment, ...]]:
    """The messages' own files, without their bytes, in their order."""
    found: dict[int, tuple[Attachment, ...]] = dict.fromkeys(message_ids, ())
    query = (
        select(message_files.c.message_id, message_files.c.name, files.c.sha256, files.c.size)
        .join(files, files.c.id == message_files.c.file_id)
        .where(message_files.c.message_id.in_(message_ids))
        .order_by(message_files.c.message_id, message_files.c.place)
    )
    for message_id, name, sha256, size in conn.execute(query):
        found[message_id] += (Attachment(name, sha256, size),)
    return found


def hashes(conn: Connection) -> Sequence[str]:
    """The names of all copies that some campaign's mails carry."""
    return conn.scalars(select(files.c.sha256)).all()


def of_several(conn: Connection, campaign_id: int) -> set[str]:
    """The hashes of the own files that several people of a campaign get."""
    query = (
        select(files.c.sha256)
        .join(message_files, message_files.c.file_id == files.c.id)
        .join(messages, messages.c.id == message_files.c.message_id)
        .where(messages.c.campaign_id == campaign_id, messages.c.wave > literal(Wave.PROOF))
        .group_by(files.c.id)
        .having(func.count(messages.c.recipient_id.distinct()) > 1)
    )
    return set(conn.scalars(query))


def sweep(store: Store, kept: KeptFiles, now: float) -> None:
    """Remove copies that no campaign knows: a crash came between the copy and its row. `now` in epoch seconds."""
    names = kept.old_names(now)
    with store.read() as conn:
        known = set(conn.scalars(select(files.c.sha256))) if names else set()
    for name in [name for name in names if name not in known]:
        with store.write() as conn:  # which no other check's row can come into meanwhile
            if conn.scalar(select(files.c.id).where(files.c.sha256 == name)) is None:
                kept.remove(name)


def forget_some(conn: Connection, campaign_id: int, *, limit: int, kept: KeptFiles) -> int:
    """The campaign is made anew: take up to `limit` files from it; how many. Those that nobody else carries are removed.

    While a proof of it is on its way, all stay. The copies go within the transaction, so that no other check can count
    on one that is about to go.
    """
    proof = exists().where(
        messages.c.campaign_id == campaign_id,
        messages.c.wave == literal(Wave.PROOF),
        messages.c.state.in_([int(MessageState.QUEUED), int(MessageState.LEASED)]),
    )
    mine = campaign_files.c.campaign_id == campaign_id
    some = conn.scalars(select(campaign_files.c.file_id).where(mine).limit(limit)).all()
    if not some or conn.scalar(select(proof)):
        return 0
    conn.execute(delete(campaign_files).where(mine, campaign_files.c.file_id.in_(some)))
    orphan = ~exists().where(campaign_files.c.file_id == files.c.id)
    for sha256 in conn.scalars(delete(files).where(files.c.id.in_(some), orphan).returning(files.c.sha256)).all():
        kept.remove(sha256)
    return len(some)
