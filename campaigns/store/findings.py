"""Findings as they are kept with a sheet or a campaign."""

import json
from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from campaigns.model.finding import KEPT_ROWS, Finding
from campaigns.model.states import Severity
from campaigns.store.tables import findings


def keep(
    conn: Connection, found: Iterable[Finding], *, campaign_id: int | None = None, sheet_id: int | None = None
) -> None:
    """Write down what was found about a campaign or a sheet."""
    rows = [
        {
            "campaign_id": campaign_id,
            "sheet_id": sheet_id,
            "code": finding.code,
            "severity": str(finding.severity),
            "rows": finding.rows,
            "first_rows": json.dumps(finding.first_rows[:KEPT_ROWS]),
            "place": finding.where,
            "sentence": finding.sentence,
            "remedy": finding.remedy,
        }
        for finding in found
    ]
    if rows:
        conn.execute(insert(findings), rows)


def of_campaign(conn: Connection, campaign_id: int) -> list[Finding]:
    return _found(conn, findings.c.campaign_id == campaign_id)


def of_sheet(conn: Connection, sheet_id: int) -> list[Finding]:
    return _found(conn, findings.c.sheet_id == sheet_id)


def forget(conn: Connection, campaign_id: int) -> None:
    conn.execute(delete(findings).where(findings.c.campaign_id == campaign_id))


def _found(conn: Connection, whose: object) -> list[Finding]:
    return [
        Finding(
            code=row.code,
            severity=Severity(row.severity),
            sentence=row.sentence,
            remedy=row.remedy,
            where=row.place,
            rows=row.rows,
            first_rows=tuple(json.loads(row.first_rows)),
        )
        for row in conn.execute(select(findings).where(whose).order_by(findings.c.id))  # type: ignore[arg-type]
    ]
