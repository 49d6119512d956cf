"""`mergecast proof`: a copy of one person's mail, sent to oneself, through the outbox and first in line."""

import os

from campaigns.actions.attached import Attached
from campaigns.actions.basis import Basis, basis_of, row_of
from campaigns.actions.desk import Desk
from campaigns.actions.naming import campaign_named
from campaigns.actions.prepare import PREPARABLE
from campaigns.actions.send import Queued
from campaigns.checks.senders import check_senders
from campaigns.clock import to_micros
from campaigns.compose.renderer import Renderer
from campaigns.errors import CampaignError, UsageError
from campaigns.message.attachment import Attachment
from campaigns.message.message import pack_values
from campaigns.message.shape import Shape
from campaigns.model.states import MessageState, Severity, Wave
from campaigns.recipients.addresses import Address, AddressReader
from campaigns.store import addresses, campaigns, files, history, shapes, staging, suppressions, versions, workers
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.recipients import Recipient
from campaigns.store.staging import Frozen, NewMessage


def proof(desk: Desk, name: str, to: str, *, row: int | None = None) -> Queued:
    """Queue the mail of spreadsheet row `row`, or of the first good one, for the address `to`.

    A campaign that is still being made is proved as it is now; one that was queued, as it was queued.
    """
    address = _address(to)
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
    if campaign.state in PREPARABLE:
        _from_template(desk, campaign, address, row)
    else:
        _from_outbox(desk, campaign, address, row)
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
        return Queued(campaign, 1, 0, workers.alive(conn, desk.clock.now()) is not None)


def _address(to: str) -> Address:
    address = AddressReader().read(to)
    if isinstance(address, str):
        raise UsageError(address, remedy="Write it like `--to me@example.org`.")
    return address


def _from_template(desk: Desk, campaign: Campaign, address: Address, row: int | None) -> None:
    basis = basis_of(desk, campaign)
    for finding in check_senders(basis.sender, basis.reply_to, basis.settings.sender.allowed, leaves=basis.leaves):
        raise CampaignError(finding.sentence, remedy=finding.remedy)
    with desk.store.read() as conn:
        person = row_of(conn, basis.sheet.id, row)
    attached = Attached(desk.workspace.root, basis.source, transport=basis.transport.kind, keep=True)
    shape, values, own = _rendered(basis, person, attached)
    attached.sync()
    source, now = basis.source, to_micros(desk.clock.now())
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
        shape_id = shapes.keep(conn, campaign.id, version_id, shape, {})
        ids = attached.ids(conn, campaign.id, iter((*shape.files, *own)), at=now)
        # The worker takes the sender from the campaign's row.
        campaigns.update(
            conn,
            campaign.id,
            sender=basis.sender,
            reply_to=basis.reply_to,
            public_url=basis.settings.public_url,
        )
        made = _queue(desk, conn, campaign, address, Frozen(0, person.id, person.row, shape_id, pack_values(values)))
        files.of_message(conn, made, own, ids)


def _from_outbox(desk: Desk, campaign: Campaign, address: Address, row: int | None) -> None:
    with desk.store.read() as conn:
        copied = staging.frozen(conn, campaign.id, row)
    if copied is None:
        whose = f"Row {row} of {campaign.name}" if row else campaign.name
        raise UsageError(f"{whose} has no message.", remedy=f"Look at `mergecast report {campaign.name}`.")
    with desk.store.write() as conn:
        now = campaigns.by_id(conn, campaign.id)
        if now is None or now.queued_at != campaign.queued_at:  # a check may have removed the shape
            raise CampaignError(f"{campaign.name} was changed meanwhile.", remedy="Ask for the proof again.")
        made = _queue(desk, conn, campaign, address, copied)
        own = files.own(conn, [copied.message_id])[copied.message_id]
        files.of_message(conn, made, own, files.keep(conn, campaign.id, own, at=to_micros(desk.clock.now())))


def _rendered(basis: Basis, person: Recipient, attached: Attached) -> tuple[Shape, str, tuple[Attachment, ...]]:
    with Renderer(basis.job()) as renderer:
        batch = renderer.render([(person.row, person.cells)])
    [rendered] = batch.rows
    if rendered.problem is not None:
        raise CampaignError(rendered.problem.sentence, remedy=rendered.problem.remedy)
    shape = batch.shapes[0][1]
    own, found = attached.of_row(person.row, rendered.files, shape)
    shape = attached.on(shape)
    for finding in (*attached.findings, *found):
        if finding.severity is not Severity.WARNS:
            raise CampaignError(finding.sentence, remedy=finding.remedy)
    return shape, rendered.values, own


def _queue(desk: Desk, conn: Connection, campaign: Campaign, address: Address, mail: Frozen) -> int:
    address_id = addresses.keep(conn, {address.folded: address.domain})[address.folded]
    if suppressions.suppressed(conn, [address_id]):
        raise CampaignError(
            f"{address.wire} is suppressed: no mail goes there.",
            remedy=f"Take another address, or `mergecast suppress remove {address.folded}`.",
        )
    now = desk.clock.now()
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
            lane=0,
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
        detail={"to": address.wire, "row": mail.row},
    )
    return made
