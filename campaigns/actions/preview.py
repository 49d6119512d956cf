"""`mergecast preview`: the mails of some rows as files to open; nothing is queued."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from campaigns.actions.attached import Attached
from campaigns.actions.basis import day_of, filter_for, list_named, reply_to_of, row_of, sender_of
from campaigns.actions.desk import Desk
from campaigns.actions.edge_cases import Chosen, of_sheet
from campaigns.actions.joined import with_joined
from campaigns.checks.shapes import check_shape
from campaigns.compose.job import RenderJob
from campaigns.compose.renderer import Renderer
from campaigns.compose.source import TemplateSource, load_template
from campaigns.message import fill, mime
from campaigns.message.headers import split_mailbox
from campaigns.message.message import Message, Sender
from campaigns.model.audience import EVERYBODY, Audience
from campaigns.model.finding import Finding, FindingTally
from campaigns.model.states import CampaignKind
from campaigns.recipients.addresses import Address, AddressReader
from campaigns.store import sheets
from campaigns.store.recipients import Recipient
from campaigns.store.sheets import Sheet

NOBODY_YET = "sender@example.invalid"  # stands in From until the settings name a sender


@dataclass(frozen=True, slots=True)
class Preview:
    row: int
    to: str
    subject: str
    why: tuple[str, ...]  # what sets the row apart; empty for one that was asked for
    eml: Path
    text: Path
    html: Path | None  # None where the mail is text alone

    def as_json(self) -> dict[str, Any]:
        files = {"eml": str(self.eml), "html": str(self.html) if self.html else None, "text": str(self.text)}
        return {"row": self.row, "to": self.to, "subject": self.subject, "why": list(self.why), "files": files}


@dataclass(frozen=True, slots=True)
class PreviewResult:
    template: str
    list: str
    previews: tuple[Preview, ...]
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "template": self.template,
            "list": self.list,
            "previews": [preview.as_json() for preview in self.previews],
            "findings": [finding.as_json() for finding in self.findings],
        }


def preview(
    desk: Desk,
    template: str,
    list_name: str,
    *,
    row: int | None = None,
    edge_cases: bool = False,
    audience: Audience = EVERYBODY,
    out: Path | None = None,
) -> PreviewResult:
    """Write mails into `out` (previews/ unless given): of spreadsheet row `row`, of the rows of the audience that differ
    most, or of the first good row. UsageError, TemplateError, ConditionError."""
    source = load_template(desk.workspace.root, template)
    with desk.store.read() as conn:
        into, sheet = list_named(conn, list_name)
        columns = sheets.columns_of(conn, sheet.id)
        people = [] if edge_cases else [row_of(conn, sheet.id, row)]
        kept_out = filter_for(conn, audience, columns, desk.clock.now())
    settings = desk.workspace.settings
    job = RenderJob(
        source=source,
        fields=columns,
        locale=settings.locale,
        today=day_of(desk.clock.micros(), settings.zone),
        campaign=PurePosixPath(source.name).stem,
        bulk=_kind(source) is CampaignKind.BULK,
        has_public_url=bool(settings.public_url),
        workspace_root=desk.workspace.root,
    )
    tally = FindingTally()
    why: Chosen = {}
    if edge_cases:
        why = of_sheet(desk, sheet, kept_out, job, tally)
        with desk.store.read() as conn:
            people = [row_of(conn, sheet.id, row) for row in why]
    folder = out or desk.workspace.previews
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = tuple(
        _written(message, person, folder / f"{job.campaign}-{person.row}", why.get(person.row, ()))
        for person, message in _messages(desk, sheet, job, people, tally)
    )
    return PreviewResult(source.name, into.name, written, tuple(tally.findings()))


def _kind(source: TemplateSource) -> CampaignKind:
    return CampaignKind(source.front_matter.text("kind") or CampaignKind.BULK)


def _messages(
    desk: Desk, sheet: Sheet, job: RenderJob, people: list[Recipient], tally: FindingTally
) -> Iterator[tuple[Recipient, Message]]:
    """The mails of a few people; what is wrong with them, and with their shapes, goes into the tally."""
    settings, kind = desk.workspace.settings, _kind(job.source)
    name, address = split_mailbox(sender_of("", job.source, settings) or NOBODY_YET)
    sender = Sender(
        campaign_id=0,
        campaign=job.campaign,
        bulk=kind is CampaignKind.BULK,
        name=name,
        address=address,
        reply_to=reply_to_of(job.source, settings),
        public_url=settings.public_url,
    )
    with desk.store.read() as conn:
        rows = with_joined(conn, sheet, people)
    with Renderer(job) as renderer:
        batch = renderer.render(rows)
    counted = {(one.code, one.where) for one in tally.findings()}  # over all rows, if they were all looked at
    tally.extend(one for one in batch.findings if (one.code, one.where) not in counted)
    tally.extend(renderer.inspection.findings)
    shapes = dict(batch.shapes)
    for shape in shapes.values():
        tally.extend(check_shape(shape, kind=kind, template=job.source.name))
    attached = Attached(desk.workspace.root, job.source, kinds=(), keep=False)
    for shape in shapes.values():
        attached.on(shape)
    tally.extend(attached.findings)
    for person, (_, number, values, problem, named) in zip(people, batch.rows, strict=True):
        if problem is not None:
            if (problem.code, problem.where) not in counted:
                tally.add(problem)
            continue
        own, found = attached.of_row(person.row, named, shapes[number], person=person.address_id)
        for finding in found:
            tally.add(finding, person.row)
        yield (
            person,
            Message(
                id=0,
                token=bytes(8),
                sender=sender,
                shape_id=number,
                shape=shapes[number],
                to=_wire(person),
                values=tuple(values.split("\0")[:-1]),
                leased_at=desk.clock.now(),
                files=(*attached.shared, *own),
            ),
        )


def _wire(person: Recipient) -> str:
    address = AddressReader().read(person.given or "")
    return address.wire if isinstance(address, Address) else person.folded or ""


def _written(message: Message, person: Recipient, stem: Path, why: tuple[str, ...]) -> Preview:
    eml, text, html = (stem.with_name(f"{stem.name}.{ending}") for ending in ("eml", "txt", "html"))
    eml.write_bytes(mime.to_bytes(message))
    text.write_text(fill.text(message), encoding="utf-8")
    page = fill.html_body(message)
    if page is not None:
        html.write_text(_with_images(page, message), encoding="utf-8")
    return Preview(person.row, message.to, fill.subject(message), why, eml, text, None if page is None else html)


def _with_images(page: str, message: Message) -> str:
    """A browser knows no `cid:`, so that images stand in the page itself."""
    for image in message.shape.images:
        data = base64.b64encode(image.data).decode()
        page = page.replace(f"cid:{image.cid}", f"data:{image.mime_type};base64,{data}")
    return page
