"""`mergecast proof`: copies of people's mails, sent to oneself, through the outbox and first in line."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.actions import edge_cases as cases
from campaigns.actions.attached import Attached
from campaigns.actions.basis import Basis, basis_of, row_of
from campaigns.actions.desk import Desk
from campaigns.actions.edge_cases import Chosen
from campaigns.actions.held import before_queueing
from campaigns.actions.joined import with_joined
from campaigns.actions.naming import campaign_named
from campaigns.actions.prepare import PAGE, PREPARABLE
from campaigns.actions.resend import refuse_pruned
from campaigns.actions.send import Queued
from campaigns.checks.senders import check_senders
from campaigns.clock import to_micros
from campaigns.compose.renderer import Renderer, Row
from campaigns.errors import CampaignError, UsageError
from campaigns.message.attachment import Attachment
from campaigns.message.message import pack_values
from campaigns.message.shape import Shape
from campaigns.model.finding import FindingTally
from campaigns.model.states import CampaignState, MessageState, Severity, Wave
from campaigns.recipients.addresses import Address, AddressReader
from campaigns.store import (
    addresses,
    campaigns,
    files,
    history,
    lanes,
    recipients,
    shapes,
    staging,
    suppressions,
    versions,
    workers,
)
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.recipients import Recipient
from campaigns.store.staging import Frozen, NewMessage


@dataclass(frozen=True, slots=True)
class Proofs:
    queued: Queued
    rows: Chosen  # whose mails, and what sets them apart: nothing for one that was asked for

    def as_json(self) -> dict[str, Any]:
        proofs = [{"row": row, "why": list(why)} for row, why in self.rows.items()]
        return {**self.queued.as_json(), "proofs": proofs}


def proof(desk: Desk, name: str, to: str, *, row: int | None = None, edge_cases: bool = False) -> Proofs:
    """Queue for the address `to` the mail of spreadsheet row `row`, of the audience's first good one, or of those that
    differ most.

    A campaign that is still being made, or comes round, is proved as it is now; one that was queued, as it was queued.
    """
    address = _address(to)
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
    is_made_anew = campaign.state in (*PREPARABLE, CampaignState.RECURRING)
    of = _from_template if is_made_anew else _from_outbox
    rows = of(desk, campaign, address, row, edge_cases=edge_cases)
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
        running = workers.alive(conn, desk.clock.now()) is not None
        return Proofs(Queued(campaign, len(rows), 0, running), rows)


def _address(to: str) -> Address:
    address = AddressReader().read(to)
    if isinstance(address, str):
        raise UsageError(address, remedy="Write it like `--to me@example.org`.")
    return address


def _from_template(desk: Desk, campaign: Campaign, address: Address, row: int | None, *, edge_cases: bool) -> Chosen:
    basis = basis_of(desk, campaign)
    for finding in check_senders(basis.sender, basis.reply_to, basis.settings.sender.allowed, leaves=basis.leaves):
        raise CampaignError(finding.sentence, remedy=finding.remedy)
    chosen = cases.of_sheet(desk, basis.sheet, basis.filter, basis.job(), FindingTally()) if edge_cases else {}
    with desk.store.read() as conn:
        people = [row_of(conn, basis.sheet.id, one) for one in chosen or [_first_row(conn, basis, row)]]
        rows = with_joined(conn, basis.sheet, people)
    attached = Attached(desk.workspace.root, basis.source, kinds=basis.kinds, keep=True)
    mails = _rendered(basis, people, rows, attached)
    attached.sync()
    source, now = basis.source, desk.clock.micros()
    with desk.store.write() as conn:
        version_id = versions.keep(
            conn,
            template=source.name,
            kind=str(source.kind),
            sha256=source.sha256,
            source=source.pack(),
            at=now,
            who=desk.who,
        )
        # The worker takes the sender from the campaign's row.
        shared = basis.shared()
        campaigns.update(conn, campaign.id, **{name: shared[name] for name in ("sender", "reply_to", "public_url")})
        for person, shape, values, own in mails:
            shape_id = shapes.keep(conn, campaign.id, version_id, shape, {})
            ids = attached.ids(conn, campaign.id, iter((*shape.files, *own)), at=now)
            mail = Frozen(0, person.id, person.row, shape_id, pack_values(values))
            files.of_message(conn, _queue(desk, conn, campaign, address, mail, shared=shared), own, ids)
    return {person.row: chosen.get(person.row, ()) for person in people}


def _from_outbox(desk: Desk, campaign: Campaign, address: Address, row: int | None, *, edge_cases: bool) -> Chosen:
    chosen = cases.of_outbox(desk, campaign.id) if edge_cases else {}
    with desk.store.read() as conn:
        if chosen and campaign.sheet_id is not None:
            copied: Sequence[Frozen] = staging.frozen_rows(conn, campaign.id, campaign.sheet_id, chosen.keys())
        else:
            copied = [one for one in [staging.frozen(conn, campaign.id, row)] if one]
    if not copied:
        refuse_pruned(campaign)
        whose = f"Row {row} of {campaign.name}" if row else campaign.name
        raise UsageError(f"{whose} has no message.", remedy=f"Look at `mergecast report {campaign.name}`.")
    with desk.store.write() as conn:
        now = campaigns.by_id(conn, campaign.id)
        if now is None or now.queued_at != campaign.queued_at:  # a check may have removed the shape
            raise CampaignError(f"{campaign.name} was changed meanwhile.", remedy="Ask for the proof again.")
        for mail in copied:
            made = _queue(desk, conn, campaign, address, mail, shared={})
            own = files.own(conn, [mail.message_id])[mail.message_id]
            files.of_message(conn, made, own, files.keep(conn, campaign.id, own, at=desk.clock.micros()))
    return {mail.row: chosen.get(mail.row, ()) for mail in copied}


def _first_row(conn: Connection, basis: Basis, row: int | None) -> int | None:
    """The row that was asked for, else the first one of the campaign's audience; None where that is everybody, or nobody."""
    after = 0
    while row is None and basis.campaign.audience:
        page = recipients.page(conn, basis.sheet.id, after=after, limit=PAGE)
        stay, _ = basis.filter.part([one for one in page if not one.verdict])
        if stay or not page:
            return stay[0].row if stay else None
        after = page[-1].row
    return row


_Mail = tuple[Recipient, Shape, str, Sequence[Attachment]]  # whose, its shape, its values joined, its own files


def _rendered(basis: Basis, people: Sequence[Recipient], rows: list[Row], attached: Attached) -> list[_Mail]:
    with Renderer(basis.job()) as renderer:
        batch = renderer.render(rows)
    made = dict(batch.shapes)
    mails: list[_Mail] = []
    for person, rendered in zip(people, batch.rows, strict=True):
        if rendered.problem is not None:
            raise CampaignError(rendered.problem.sentence, remedy=rendered.problem.remedy)
        shape = made[rendered.shape]
        own, found = attached.of_row(person.row, rendered.files, shape, person=person.address_id)
        mails.append((person, attached.on(shape), rendered.values, own))
        for finding in (*attached.findings, *found):
            if finding.severity is not Severity.WARNS:
                raise CampaignError(finding.sentence, remedy=finding.remedy)
    return mails


def _queue(
    desk: Desk, conn: Connection, campaign: Campaign, address: Address, mail: Frozen, *, shared: Mapping[str, str]
) -> int:
    address_id = addresses.keep(conn, {address.folded: address.domain})[address.folded]
    if suppressions.suppressed(conn, [address_id]):
        raise CampaignError(
            f"{address.wire} is suppressed: no mail goes there.",
            remedy=f"Take another address, or `mergecast suppress remove {address.folded}`.",
        )
    now = desk.clock.now()
    before_queueing(desk, conn)
    made = staging.add_proof(
        conn,
        NewMessage(
            campaign_id=campaign.id,
            recipient_id=mail.recipient_id,
            address_id=address_id,
            ordinal=0,
            wave=int(Wave.PROOF),
            state=int(MessageState.QUEUED),
            due_at=to_micros(now),
            lane=lanes.number(conn, desk.workspace.settings.all_limits.group_of().get(address.domain)),
            attempts=0,
            shape_id=mail.shape_id,
            to_addr=None if address.wire == address.folded else address.wire,
            slots=mail.slots,
            token=os.urandom(8),
        ),
    )
    history.record(
        conn,
        at=now,
        who=desk.who,
        verb="proof",
        thing="campaign",
        thing_id=campaign.id,
        detail={"to": address.wire, "row": mail.row, **shared},
    )
    return made
