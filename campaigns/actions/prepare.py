"""Preparing a campaign: every row of its sheet is rendered and checked, and what passes is staged.

A child process renders the next page of rows while this one checks the last page and writes it down. All that is found
is in the store at the end; `check.py` reads it from there.
"""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from campaigns.actions.basis import Basis
from campaigns.actions.clearing import clear, keep_ours, take_over
from campaigns.actions.desk import Desk
from campaigns.actions.kept_shapes import KeptShapes
from campaigns.actions.progress import Progress, silent
from campaigns.checks import people
from campaigns.checks.senders import check_senders
from campaigns.checks.shapes import check_count, check_way_out
from campaigns.checks.values import check_values
from campaigns.clock import to_micros
from campaigns.compose.renderer import RenderedBatch, Renderer
from campaigns.message.message import pack_values
from campaigns.model.finding import Finding, FindingTally
from campaigns.model.states import CampaignState, LeftOut, MessageState, RowVerdict, Severity, Wave
from campaigns.recipients.addresses import Address, AddressReader
from campaigns.store import findings, history, recipients, staging, suppressions, versions
from campaigns.store.campaigns import Campaign
from campaigns.store.recipients import Recipient
from campaigns.store.staging import NewLeftOut, NewMessage

PREPARABLE = (CampaignState.DRAFT, CampaignState.CHECKED, CampaignState.APPROVED)
PAGE = 1_000  # rows that are rendered, checked and written together: a transaction of about 10 ms

_LEAVES_OUT = (Severity.LEAVES_OUT, Severity.STOPS)
_QUEUED, _REST, _FINDING = int(MessageState.QUEUED), int(Wave.REST), int(LeftOut.FINDING)
_VERDICTS = {
    int(RowVerdict.REJECTED): (LeftOut.REJECTED, people.REJECTED),
    int(RowVerdict.DUPLICATE): (LeftOut.DUPLICATE, people.DUPLICATE),
}


def prepare(
    desk: Desk, basis: Basis, *, allowed: tuple[CampaignState, ...] = PREPARABLE, progress: Progress = silent
) -> None:
    """Make the campaign checked, with a message or a reason for every row; a draft if a Finding stops it.

    TemplateError or CampaignError, and then nothing has changed.
    """
    with Renderer(basis.job()) as renderer:
        token = take_over(desk, basis.campaign, allowed=allowed)
        clear(desk, basis.campaign, token)
        work = _begin(desk, basis, token)
        work.tally.extend(renderer.inspection.findings)
        for page, rendered in _rendered(renderer, _pages(desk, basis)):
            work.shapes.keep(rendered.shapes)
            _stage(work, page, rendered)
            progress(work.rows, basis.sheet.rows)
        work.tally.extend(renderer.conclude())
        _finish(work, prints_today=renderer.inspection.uses_today)


@dataclass(frozen=True, slots=True)
class _Page:
    """Some rows of the sheet, told apart."""

    chosen: list[Recipient]  # good and not suppressed: in the order of what the renderer answers
    suppressed: list[Recipient]
    refused: list[Recipient]  # by the import


def _pages(desk: Desk, basis: Basis) -> Iterator[_Page]:
    after = 0
    while True:
        with desk.store.read() as conn:  # a page at a time: a long look would keep the WAL from being written back
            rows = recipients.page(conn, basis.sheet.id, after=after, limit=PAGE)
            good = [one for one in rows if not one.verdict]
            hushed = suppressions.suppressed(conn, [one.address_id for one in good if one.address_id])
        if not rows:
            return
        yield _Page(
            chosen=[one for one in good if one.address_id not in hushed],
            suppressed=[one for one in good if one.address_id in hushed],
            refused=[one for one in rows if one.verdict],
        )
        after = rows[-1].row


def _rendered(renderer: Renderer, pages: Iterator[_Page]) -> Iterator[tuple[_Page, RenderedBatch]]:
    """Each page with what the renderer made of it, which is at the next page meanwhile."""
    ahead: deque[_Page] = deque()
    for page in pages:
        renderer.send([(one.row, one.cells) for one in page.chosen])
        ahead.append(page)
        if len(ahead) > 1:
            yield ahead.popleft(), renderer.receive()
    while ahead:
        yield ahead.popleft(), renderer.receive()


@dataclass(slots=True)
class _Work:
    desk: Desk
    basis: Basis
    token: str
    version_id: int
    shapes: KeptShapes
    addresses: AddressReader = field(default_factory=AddressReader)
    tally: FindingTally = field(default_factory=FindingTally)
    rows: int = 0
    messages: int = 0

    @property
    def campaign(self) -> Campaign:
        return self.basis.campaign


def _begin(desk: Desk, basis: Basis, token: str) -> _Work:
    source = basis.source
    with desk.store.write() as conn:
        keep_ours(conn, basis.campaign, token)
        version_id = versions.keep(
            conn,
            template=source.name,
            kind=str(source.kind),
            sha256=source.sha256,
            source=source.pack(),
            at=to_micros(desk.clock.now()),
            who=desk.who,
        )
    return _Work(desk, basis, token, version_id, KeptShapes(desk, basis, token, version_id))


def _stage(work: _Work, page: _Page, rendered: RenderedBatch) -> None:
    """Check a rendered page and write it down: a message or a reason for each row."""
    left = [*_refused(work, page.refused), *_suppressed(work, page.suppressed)]
    messages = _messages(work, page.chosen, rendered, left)
    work.tally.extend(rendered.findings)
    with work.desk.store.write() as conn:
        keep_ours(conn, work.campaign, work.token)
        staging.add(conn, messages, left)
    work.messages += len(messages)
    work.rows += len(messages) + len(left)


def _messages(
    work: _Work, chosen: list[Recipient], rendered: RenderedBatch, left: list[NewLeftOut]
) -> list[NewMessage]:
    """The messages of those who pass; the others are added to `left`."""
    campaign_id, shapes = work.campaign.id, work.shapes
    sendgrid = work.basis.transport.kind == "sendgrid"
    tokens = os.urandom(8 * len(chosen))
    messages: list[NewMessage] = []
    for place, (one, (_, number, joined, problem)) in enumerate(zip(chosen, rendered.rows, strict=True)):
        if problem is None:
            found = check_values(*shapes.facts(number), joined, sendgrid=sendgrid)
            problem = _tallied(work, found, one.row) if found else None
        else:
            work.tally.add(problem)
        if problem is not None:
            left.append(NewLeftOut(campaign_id, one.id, _FINDING, problem.sentence))
            continue
        assert one.address_id is not None
        messages.append(
            NewMessage(
                campaign_id,
                one.id,
                one.address_id,
                0,
                _REST,
                _QUEUED,
                0,
                one.lane or 0,
                0,
                shapes.ids[number],
                None if one.given is None else _wire(work, one),
                pack_values(joined),
                tokens[8 * place : 8 * place + 8],
            )
        )
    return messages


def _tallied(work: _Work, found: list[Finding], row: int) -> Finding | None:
    """Count what was found of a row; the Finding that leaves it out, if one does."""
    for finding in found:
        work.tally.add(finding, row)
    return next((finding for finding in found if finding.severity in _LEAVES_OUT), None)


def _wire(work: _Work, one: Recipient) -> str | None:
    """The address as it goes on the wire, None where that is the folded one."""
    address = work.addresses.read(one.given or "")
    if not isinstance(address, Address) or address.wire == one.folded:
        return None
    return address.wire


def _refused(work: _Work, refused: list[Recipient]) -> Iterator[NewLeftOut]:
    for one in refused:
        code, finding = _VERDICTS[one.verdict]
        work.tally.add(finding, one.row)
        yield NewLeftOut(work.campaign.id, one.id, int(code), one.note)


def _suppressed(work: _Work, suppressed: list[Recipient]) -> Iterator[NewLeftOut]:
    for one in suppressed:
        work.tally.add(people.SUPPRESSED, one.row)
        yield NewLeftOut(work.campaign.id, one.id, int(LeftOut.SUPPRESSED), None)


def _finish(work: _Work, *, prints_today: bool) -> None:
    """Write down what was found, and that the campaign is checked, in one transaction."""
    desk, basis, campaign = work.desk, work.basis, work.campaign
    work.tally.extend(_about_the_whole(work))
    if not (work.messages or _stops(work.tally)):
        work.tally.add(people.NOBODY)
    stopped = _stops(work.tally)
    with desk.store.write() as conn:
        keep_ours(conn, campaign, work.token)
        findings.keep(conn, work.tally.findings(), campaign_id=campaign.id)
        staging.finish(
            conn,
            campaign.id,
            work.token,
            state=CampaignState.DRAFT if stopped else CampaignState.CHECKED,
            rows=work.rows,
            sheet_id=basis.sheet.id,
            version_id=work.version_id,
            prints_today=prints_today,
            sender=basis.sender,
            reply_to=basis.reply_to,
            public_url=basis.settings.public_url,
            prepared=basis.prepared(prints_today=prints_today),
            fingerprint=basis.fingerprint(),
        )
        detail = {"rows": work.rows, "ready": work.messages, "stopped": stopped}
        history.record(
            conn,
            at=desk.clock.now(),
            who=desk.who,
            verb="check",
            thing="campaign",
            thing_id=campaign.id,
            detail=detail,
        )


def _about_the_whole(work: _Work) -> Iterator[Finding]:
    basis = work.basis
    yield from check_senders(basis.sender, basis.reply_to, basis.settings.sender.allowed, leaves=basis.leaves)
    yield from check_way_out(kind=work.campaign.kind, public_url=basis.settings.public_url)
    yield from work.shapes.findings()
    yield from check_count(len(work.shapes.ids), work.messages, template=basis.source.name)


def _stops(tally: FindingTally) -> bool:
    return any(finding.severity is Severity.STOPS for finding in tally.findings())
