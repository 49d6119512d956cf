"""Preparing a campaign: every row of its sheet is rendered and checked, and what passes is staged.

A child process renders the next page of rows while this one checks the last page and writes it down. All that is found
is in the store at the end; `check.py` reads it from there.
"""

import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from campaigns.actions import approval
from campaigns.actions.attached import Attached, tell_apart
from campaigns.actions.audience import note_of
from campaigns.actions.basis import Basis
from campaigns.actions.clearing import clear, keep_ours, take_over
from campaigns.actions.desk import Desk
from campaigns.actions.joined import with_joined
from campaigns.actions.kept_shapes import KeptShapes
from campaigns.actions.progress import Progress, silent
from campaigns.actions.timing import Due, Timing, timing_of
from campaigns.actions.window import refuse_shut
from campaigns.checks import people
from campaigns.checks.addresses import AddressCare
from campaigns.checks.mail_servers import MailServers, resolver_at
from campaigns.checks.senders import check_senders
from campaigns.checks.shapes import check_count, check_way_out
from campaigns.checks.values import check_values
from campaigns.compose.renderer import RenderedBatch, Renderer, Row
from campaigns.message.message import pack_values
from campaigns.model.finding import FIRST_ROWS, Finding, FindingTally
from campaigns.model.states import CampaignState, LeftOut, MessageState, Repeated, RowVerdict, Severity, Wave
from campaigns.recipients.addresses import Address, AddressReader
from campaigns.store import files, findings, history, lanes, recipients, staging, suppressions, versions
from campaigns.store.campaigns import Campaign
from campaigns.store.kept_files import KeptFiles
from campaigns.store.recipients import Recipient
from campaigns.store.staging import NewLeftOut, NewMessage

PREPARABLE = (CampaignState.DRAFT, CampaignState.CHECKED, CampaignState.APPROVED)
PAGE = 1_000  # rows that are rendered, checked and written together: a transaction of about 10 ms

_LEAVES_OUT = (Severity.LEAVES_OUT, Severity.STOPS)
_QUEUED, _REST, _FINDING = int(MessageState.QUEUED), int(Wave.REST), int(LeftOut.FINDING)
_GOOD, _JOINED = int(RowVerdict.GOOD), int(RowVerdict.JOINED)
_VERDICTS = {
    int(RowVerdict.REJECTED): (LeftOut.REJECTED, people.REJECTED),
    int(RowVerdict.DUPLICATE): (LeftOut.DUPLICATE, people.DUPLICATE),
}


def prepare(
    desk: Desk,
    basis: Basis,
    *,
    allowed: tuple[CampaignState, ...] = PREPARABLE,
    rows_named: int = FIRST_ROWS,
    progress: Progress = silent,
) -> list[Finding]:
    """Make the campaign checked, with a message or a reason for every row; a draft if a Finding stops it.

    What was found, each Finding with the first `rows_named` of its rows. TemplateError, SettingsError, WindowError or CampaignError,
    and then nothing has changed.
    """
    refuse_shut(basis.settings, basis.campaign, desk.clock.now())
    tally = FindingTally(rows_named)
    timing = timing_of(desk.store, basis.settings, basis.campaign, basis.columns, tally)
    dns = basis.settings.dns
    servers = None if dns == "off" else MailServers(resolver_at(dns), rows_named)
    with Renderer(basis.job(rows_named)) as renderer:
        token = take_over(desk, basis.campaign, allowed=allowed)
        lanes.settle(desk.store, basis.settings.all_limits.group_of())
        clear(desk, basis.campaign, token)
        work = _begin(desk, basis, token, servers=servers, tally=tally, timing=timing)
        work.tally.extend(renderer.inspection.findings)
        for page, rendered in _rendered(renderer, _pages(desk, basis)):
            work.shapes.keep([(number, work.attached.on(shape)) for number, shape in rendered.shapes])
            _stage(work, page, rendered)
            progress(work.rows, basis.sheet.rows)
        work.tally.extend(renderer.conclude())
        _finish(work, prints_today=renderer.inspection.uses_today)
        return work.tally.findings()


@dataclass(frozen=True, slots=True)
class _Page:
    """Some rows of the sheet, told apart."""

    chosen: list[Recipient]  # to be mailed: in the order of what the renderer answers
    to_render: list[Row]  # theirs
    filtered: list[tuple[Recipient, Finding]]  # by the campaign's audience
    suppressed: list[Recipient]
    joined: list[Recipient]  # into the mail of an earlier row
    refused: list[Recipient]  # by the import


def _pages(desk: Desk, basis: Basis) -> Iterator[_Page]:
    after = 0
    while True:
        with desk.store.read() as conn:  # a page at a time: a long look would keep the WAL from being written back
            rows = recipients.page(conn, basis.sheet.id, after=after, limit=PAGE)
            fit = [one for one in rows if one.verdict in (_GOOD, _JOINED)]
            hushed = suppressions.suppressed(conn, [one.address_id for one in fit if one.address_id])
            fit_and_free = [one for one in fit if one.address_id not in hushed]
            chosen, filtered = basis.filter.part([one for one in fit_and_free if one.verdict == _GOOD])
            later = [one for one in fit_and_free if one.verdict == _JOINED]
            to_render = with_joined(conn, basis.sheet, chosen)
        if not rows:
            return
        yield _Page(
            chosen=chosen,
            to_render=to_render,
            filtered=[*filtered, *basis.filter.with_their_first_row(later)],
            suppressed=[one for one in fit if one.address_id in hushed],
            joined=[one for one in later if not basis.filter.keeps_out(one)],
            refused=[one for one in rows if one.verdict in _VERDICTS],
        )
        after = rows[-1].row


def _rendered(renderer: Renderer, pages: Iterator[_Page]) -> Iterator[tuple[_Page, RenderedBatch]]:
    """Each page with what the renderer made of it, which is at the next page meanwhile."""
    ahead: deque[_Page] = deque()
    for page in pages:
        renderer.send(page.to_render)
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
    attached: Attached
    servers: MailServers | None  # where the settings ask for the DNS
    care: AddressCare
    tally: FindingTally
    timing: Timing | None  # where people have zones or times of their own
    addresses: AddressReader = field(default_factory=AddressReader)
    rows: int = 0
    messages: int = 0
    mails: Counter[int] = field(default_factory=Counter)  # so far, by address, where people get one for each row
    filtered: int = 0

    @property
    def campaign(self) -> Campaign:
        return self.basis.campaign

    def ordinal(self, address_id: int) -> int:
        """Which of the person's mails comes next."""
        if self.basis.sheet.repeated is not Repeated.EACH:
            return 0
        self.mails[address_id] += 1
        return self.mails[address_id] - 1


def _begin(
    desk: Desk,
    basis: Basis,
    token: str,
    *,
    servers: MailServers | None,
    tally: FindingTally,
    timing: Timing | None,
) -> _Work:
    source, campaign = basis.source, basis.campaign
    attached = Attached(desk.workspace.root, source, kinds=basis.kinds, keep=True)
    if attached:
        files.sweep(desk.store, KeptFiles(desk.workspace.root), desk.clock.now().timestamp())
    with desk.store.write() as conn:
        keep_ours(conn, campaign, token)
        attached.ids(conn, campaign.id, iter(attached.shared), at=desk.clock.micros())
        version_id = versions.keep(
            conn,
            template=source.name,
            kind=str(source.kind),
            sha256=source.sha256,
            source=source.pack(),
            at=desk.clock.micros(),
            who=desk.who,
        )
    shapes = KeptShapes(desk, basis, token, version_id)
    care = AddressCare(tally.most)
    return _Work(desk, basis, token, version_id, shapes, attached, servers, care, tally, timing)


def _stage(work: _Work, page: _Page, rendered: RenderedBatch) -> None:
    """Check a rendered page and write it down: a message or a reason for each row."""
    left = [
        *_refused(work, page.refused),
        *_suppressed(work, page.suppressed),
        *_filtered(work, page.filtered),
        *_joined(work, page.joined),
    ]
    own: files.OwnFiles = {}
    messages = _messages(work, page.chosen, rendered, left, own)
    work.tally.extend(rendered.findings)
    work.care.look(page.chosen)
    if work.servers:
        work.servers.look(page.chosen)
    with work.desk.store.write_page() as conn:
        keep_ours(conn, work.campaign, work.token)
        staging.add(conn, messages, left)
        if own:
            work.attached.link(conn, work.campaign.id, own, at=work.desk.clock.micros())
        if page.joined:
            staging.name_mails_of_joined(conn, work.campaign.id, [one.id for one in page.joined])
    work.messages += len(messages)
    work.filtered += len(page.filtered)
    work.rows += len(messages) + len(left)


def _messages(
    work: _Work,
    chosen: list[Recipient],
    rendered: RenderedBatch,
    left: list[NewLeftOut],
    own: files.OwnFiles,
) -> list[NewMessage]:
    """The messages of those who pass; the others are added to `left`, files of one's own to `own`."""
    campaign_id, shapes, timing = work.campaign.id, work.shapes, work.timing
    has_own = work.attached.own
    sendgrid = "sendgrid" in work.basis.kinds
    tokens = os.urandom(8 * len(chosen))
    messages: list[NewMessage] = []
    for place, (one, (_, number, joined, problem, named)) in enumerate(zip(chosen, rendered.rows, strict=True)):
        if problem is None:
            found = check_values(*shapes.facts(number), joined, sendgrid=sendgrid)
            problem = _tallied(work, found, one.row) if found else None
        else:
            work.tally.add(problem)
        if has_own and problem is None:
            mine, found = work.attached.of_row(one.row, named, shapes.facts(number)[0], person=one.address_id)
            problem = _tallied(work, found, one.row)
            if mine and problem is None and one.address_id is not None:
                own[one.address_id, one.id] = mine
        due = timing.of(one) if timing and problem is None else Due(0, one.lane or 0)
        if due.problem is not None:
            problem = _tallied(work, [due.problem], one.row)
        if problem is not None:
            left.append(NewLeftOut(campaign_id, one.id, _FINDING, problem.sentence))
            continue
        assert one.address_id is not None
        messages.append(
            NewMessage(
                campaign_id,
                one.id,
                one.address_id,
                work.ordinal(one.address_id),
                _REST,
                _QUEUED,
                due.at,
                due.lane,
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
    for one in work.basis.filter.passed_over(refused):
        work.tally.add(people.PASSED_OVER, one.row)
    for one in refused:
        code, finding = _VERDICTS[one.verdict]
        work.tally.add(finding, one.row)
        yield NewLeftOut(work.campaign.id, one.id, int(code), one.note)


def _suppressed(work: _Work, suppressed: list[Recipient]) -> Iterator[NewLeftOut]:
    for one in suppressed:
        work.tally.add(people.SUPPRESSED, one.row)
        yield NewLeftOut(work.campaign.id, one.id, int(LeftOut.SUPPRESSED), None)


def _filtered(work: _Work, filtered: list[tuple[Recipient, Finding]]) -> Iterator[NewLeftOut]:
    for one, why in filtered:
        work.tally.add(why, one.row)
        yield NewLeftOut(work.campaign.id, one.id, int(LeftOut.FILTERED), note_of(why))


def _joined(work: _Work, joined: list[Recipient]) -> Iterator[NewLeftOut]:
    for one in joined:
        yield NewLeftOut(work.campaign.id, one.id, int(LeftOut.JOINED), one.note)


def _finish(work: _Work, *, prints_today: bool) -> None:
    """Write down what was found, and that the campaign is checked, in one transaction."""
    desk, basis, campaign = work.desk, work.basis, work.campaign
    work.tally.extend(_about_the_whole(work))
    work.attached.sync()
    if not (work.messages or _stops(work.tally)):
        of_series = campaign.series is not None and work.filtered > 0
        work.tally.add(people.NOBODY_YET if of_series else people.nobody(work.filtered))
    stopped = _stops(work.tally)
    with desk.store.write() as conn:
        keep_ours(conn, campaign, work.token)
        approved = approval.holds(conn, basis, prints_today=prints_today, at=desk.clock.micros())
        ready = CampaignState.APPROVED if approved else CampaignState.CHECKED
        findings.keep(conn, work.tally.findings(), campaign_id=campaign.id)
        staging.finish(
            conn,
            campaign.id,
            work.token,
            state=CampaignState.DRAFT if stopped else ready,
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
        detail = {"rows": work.rows, "ready": work.messages, "stopped": stopped, **basis.shared()}
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
    yield from work.care.findings()
    yield from work.servers.findings() if work.servers else ()
    yield from check_count(len(work.shapes.ids), work.messages, template=basis.source.name)
    yield from work.attached.findings
    yield from work.timing.findings(work.desk.clock.now()) if work.timing else ()
    guard = work.attached.guard
    if guard.watches:
        tell_apart(guard, basis.columns, _everybody(work))
    yield from guard.findings()


def _everybody(work: _Work) -> Iterator[Recipient]:
    for page in _pages(work.desk, work.basis):
        yield from (*page.chosen, *page.suppressed, *page.refused)


def _stops(tally: FindingTally) -> bool:
    return any(finding.severity is Severity.STOPS for finding in tally.findings())
