"""Versions: each template as it was when it was checked or sent."""

from sqlalchemy import Connection, insert, select

from campaigns.store.tables import versions


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
