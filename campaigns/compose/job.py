"""What the parent asks of the child and what comes back, as values and as JSON; never pickled."""

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from campaigns.compose.marked import TemplateKind
from campaigns.compose.source import TemplateSource
from campaigns.errors import TemplateError, Where
from campaigns.message.shape import Escape, Hole, InlineImage, Pieces, Shape
from campaigns.model.column import CellKind, Column, Role, Why
from campaigns.model.finding import FIRST_ROWS, Finding
from campaigns.model.states import Severity

Json = dict[str, Any]


@dataclass(frozen=True)
class RenderJob:
    """What a session renders: one version of a template, the columns of one sheet, one campaign."""

    source: TemplateSource
    fields: tuple[Column, ...]
    locale: str  # the workspace's; a recipient's own goes first
    today: date  # the day that the campaign starts on, in its zone
    campaign: str
    bulk: bool
    has_public_url: bool
    workspace_root: Path
    rows_named: int = FIRST_ROWS  # how many rows a Finding names
    leaves: bool = False  # False for a rehearsal


@dataclass(frozen=True)
class Inspection:
    """What a template says of itself once it is compiled."""

    subject: str  # raw, as in the front matter; so are the next three, "" where they are not set
    from_: str
    reply_to: str
    kind: str
    fields_used: tuple[str, ...]
    uses_today: bool
    uses_view_url: bool
    uses_unsubscribe: bool
    findings: tuple[Finding, ...]


def job_as_json(job: RenderJob) -> Json:
    return {
        "source": {"name": job.source.name, "kind": job.source.kind, "files": job.source.files},
        "fields": [asdict(column) for column in job.fields],
        "locale": job.locale,
        "today": job.today.isoformat(),
        "campaign": job.campaign,
        "bulk": job.bulk,
        "has_public_url": job.has_public_url,
        "workspace_root": str(job.workspace_root),
        "rows_named": job.rows_named,
        "leaves": job.leaves,
    }


def job_from_json(document: Json) -> RenderJob:
    source = document["source"]
    columns = [
        {**column, "kind": CellKind(column["kind"]), "role": Role(column["role"]), "why": Why(column["why"])}
        for column in document["fields"]
    ]
    return RenderJob(
        source=TemplateSource(source["name"], TemplateKind(source["kind"]), source["files"]),
        fields=tuple(Column(**column) for column in columns),
        locale=document["locale"],
        today=date.fromisoformat(document["today"]),
        campaign=document["campaign"],
        bulk=document["bulk"],
        has_public_url=document["has_public_url"],
        workspace_root=Path(document["workspace_root"]),
        rows_named=document["rows_named"],
        leaves=document["leaves"],
    )


def inspection_from_json(document: Json) -> Inspection:
    findings = tuple(finding_from_json(one) for one in document["findings"])
    return Inspection(**{**document, "fields_used": tuple(document["fields_used"]), "findings": findings})


def finding_from_json(document: Json) -> Finding:
    document = {**document, "severity": Severity(document["severity"]), "first_rows": tuple(document["first_rows"])}
    return Finding(**document)


def error_as_json(error: TemplateError) -> Json:
    return {
        "sentence": error.sentence,
        "where": asdict(error.where),
        "remedy": error.remedy,
        "source_line": error.source_line,
    }


def error_from_json(document: Json) -> TemplateError:
    return TemplateError(
        document["sentence"],
        where=Where(**document["where"]),
        remedy=document["remedy"],
        source_line=document["source_line"],
    )


def shape_as_json(shape: Shape) -> Json:
    def pack(pieces: Pieces | None) -> list[str | list[int]] | None:
        if pieces is None:
            return None
        return [[piece.slot, int(piece.escape)] if isinstance(piece, Hole) else piece for piece in pieces]

    images = [[i.cid, i.file_name, i.mime_type, base64.b64encode(i.data).decode()] for i in shape.images]
    return {"subject": pack(shape.subject), "text": pack(shape.text), "html": pack(shape.html), "images": images}


def shape_from_json(document: Mapping[str, Any]) -> Shape:
    def unpack(pieces: list[str | list[int]]) -> Pieces:
        return tuple(Hole(piece[0], Escape(piece[1])) if isinstance(piece, list) else piece for piece in pieces)

    return Shape(
        subject=unpack(document["subject"]),
        text=unpack(document["text"]),
        html=None if document["html"] is None else unpack(document["html"]),
        images=tuple(InlineImage(c, f, m, base64.b64decode(data)) for c, f, m, data in document["images"]),
    )
