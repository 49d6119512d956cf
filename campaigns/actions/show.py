"""`mergecast show`: one mail, as it left or will leave, made again from the store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.naming import campaign_named
from campaigns.clock import from_micros
from campaigns.errors import CampaignError, StoreError, UsageError
from campaigns.message import fill, mime
from campaigns.message.message import Message, Sender, handle, internet_message_id, read_handle, unpack_values
from campaigns.model.states import LeftOut, MessageState, Wave
from campaigns.model.when import say_day, zone_named
from campaigns.recipients.addresses import Address, AddressReader
from campaigns.store import campaigns, files, history, kept, reporting, series, staging, underway, versions
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.kept import Kept, Try
from campaigns.store.kept_files import KeptFiles

SENDGRID = (
    "SendGrid made the bytes of this mail itself, from what it was told: "
    "here is the same content, as it would be sent by SMTP."
)
NOT_LEFT = "It has not left: its Date will be the instant at which it does."
REFUSED = "The server refused it: these are the bytes that were meant for it, if it asked for them."
PRUNED = "Its content was pruned on {}: what it said is not kept any more, what became of it is."
GONE = "Its content is not kept any more."
UNKNOWN = "Its transport, {}, is not in the settings any more: if that was SendGrid, it made the bytes itself."


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail and what became of it; `message` is None where its content is not kept any more."""

    kept: Kept
    campaign: Campaign
    message: Message | None
    template: str
    version: int | None  # of the template; None where its content is not kept any more
    tries: Sequence[Try]
    note: str  # what must be known of the bytes; empty where they are those that left
    eml: bytes | None  # None if it has not left, or is not kept any more

    @property
    def state(self) -> MessageState:
        proof = self.kept.wave == Wave.PROOF
        return self.kept.state if proof else reporting.shown_as(self.kept.state, self.campaign.state)

    def as_json(self) -> dict[str, Any]:
        one, told = self.kept, self.message
        sender = told.sender if told else None
        return {
            "message": handle(one.id, one.token),
            "campaign": self.campaign.name,
            "template": self.template,
            "version": self.version,
            "row": one.row,
            "proof": one.wave == Wave.PROOF,
            "to": one.to,
            "from": _mailbox(sender) if sender else None,
            "subject": fill.subject(told) if told else None,
            "message_id": internet_message_id(told) if told else None,
            "transport": one.transport or self.campaign.transport,
            "state": self.state.name.lower(),
            "attempts": one.attempts,
            "tries": [
                {"at": _iso(one.at), "outcome": one.outcome, "code": one.code, "text": one.text} for one in self.tries
            ],
            "leased_at": _iso(one.leased_at),
            "settled_at": _iso(one.settled_at),
            "remote_id": one.remote_id,
            "note": self.note,
            "text": fill.text(told) if told else None,
            "html": fill.html_body(told) if told else None,
        }


def show(desk: Desk, which: str = "", *, campaign: str = "", to: str = "", row: int | None = None) -> Shown:
    """The mail of a handle or Message-ID, or a campaign's mail to an address or of a spreadsheet row.

    UsageError if there is none, with the reason where a row was left out.
    """
    with desk.store.read() as conn:
        found = _named(conn, which) if which else _of_campaign(conn, campaign, to, row)
        return _shown(desk, conn, found)


def bytes_of(shown: Shown) -> bytes:
    """The mail as it left; CampaignError, with the reason, where there are no such bytes."""
    if shown.eml is None:
        name = handle(shown.kept.id, shown.kept.token)
        raise CampaignError(
            f"There are no bytes of {name}: {shown.note[0].lower()}{shown.note[1:]}",
            remedy="" if shown.message is None else f"`mergecast show {name}` shows what it will say.",
        )
    return shown.eml


def _named(conn: Connection, which: str) -> Kept:
    named = read_handle(which)
    if named is None:
        raise UsageError(
            f"{which!r} names no message.",
            remedy="A message is named by its Message-ID; or use `--campaign NAME` with `--to ADDRESS` or `--row N`.",
        )
    found = kept.by_id(conn, *named)
    if found is None:
        raise UsageError(
            f"There is no message {handle(*named)}.",
            remedy="It came from another workspace, or its campaign was prepared anew before anything left.",
        )
    return found


def _of_campaign(conn: Connection, name: str, to: str, row: int | None) -> Kept:
    if not name or bool(to) == (row is not None):
        raise UsageError(
            "Which message?", remedy="Name its Message-ID, or `--campaign NAME` with either `--to` or `--row`."
        )
    campaign = campaign_named(conn, name)
    last = series.last_occurrence(conn, campaign.name)
    if last is not None and not staging.count_messages(conn, campaign.id):
        raise UsageError(
            f"{campaign.name} is a series: its mails are those of its occurrences.",
            remedy=f"Name one of them; `--campaign {last}` is the last.",
        )
    return _to(conn, campaign, to) if row is None else _of_row(conn, campaign, row)


def _to(conn: Connection, campaign: Campaign, to: str) -> Kept:
    address = AddressReader().read(to)
    if not isinstance(address, Address):
        raise UsageError(address, remedy="Write it like `--to ada@example.org`.")
    found = kept.to_person(conn, campaign.id, address.folded)
    if found is None:
        raise UsageError(
            f"No mail of {campaign.name} is for {to}.",
            remedy=f"`mergecast report {campaign.name} --rows out.csv` lists every row with what became of it.",
        )
    return found


def _of_row(conn: Connection, campaign: Campaign, row: int) -> Kept:
    if campaign.sheet_id is None:
        raise UsageError(
            f"{campaign.name} was never checked: it has no mails.", remedy=f"Run `mergecast check {campaign.name}`."
        )
    found = kept.of_row(conn, campaign.id, campaign.sheet_id, row)
    if found is not None:
        return found
    why = kept.why_left_out(conn, campaign.id, campaign.sheet_id, row)
    if why is None:
        raise UsageError(
            f"{campaign.name} has no mail of row {row}.",
            remedy="Rows are numbered as your spreadsheet program numbers them.",
        )
    raise UsageError(f"Row {row} of {campaign.name} got no mail: {_reason(*why)}")


def _reason(code: LeftOut, words: str) -> str:
    return words or f"{code.name.lower()}."


def _shown(desk: Desk, conn: Connection, found: Kept) -> Shown:
    campaign = campaigns.by_id(conn, found.campaign_id)
    assert campaign is not None
    if found.wave == Wave.PROOF:
        campaign = _as_then(conn, campaign, found.leased_at)
    message = _message(desk, conn, campaign, found)
    transport = desk.workspace.settings.transports.get(found.transport or campaign.transport)
    kind = transport.kind if transport else ""
    return Shown(
        kept=found,
        campaign=campaign,
        message=message,
        template=campaign.template if found.version_id is None else versions.template_of(conn, found.version_id),
        version=None if found.version_id is None else versions.number_of(conn, found.version_id),
        tries=kept.tries(conn, found.id),
        note=_note(found, campaign, message, kind, found.transport or campaign.transport),
        eml=None if message is None or found.leased_at is None else _bytes(message, kind),
    )


def _as_then(conn: Connection, campaign: Campaign, at: int | None) -> Campaign:
    """The campaign with the sender that a proof left with: a draft may have got another one since."""
    said = history.last_said(conn, "sender", thing="campaign", thing_id=campaign.id, until=at)
    return replace(campaign, **{name: said[name] for name in campaigns.SENDER if name in said})


def _message(desk: Desk, conn: Connection, campaign: Campaign, found: Kept) -> Message | None:
    shape = kept.shape_of(conn, found)
    if shape is None or found.slots is None:
        return None
    attached = (*shape.files, *files.own(conn, [found.id])[found.id])
    copies = KeptFiles(desk.workspace.root)
    try:
        with_bytes = tuple(replace(one, data=copies.read(one.sha256, one.size)) for one in attached)
    except StoreError:
        return None
    return Message(
        id=found.id,
        token=found.token,
        sender=underway.sender_of(
            {name: getattr(campaign, name) for name in ("id", "name", "tag_salt", *campaigns.SENDER)}
        ),
        shape_id=found.shape_id,
        shape=shape,
        to=found.to,
        values=unpack_values(found.slots),
        leased_at=desk.clock.now() if found.leased_at is None else from_micros(found.leased_at),
        files=with_bytes,
    )


def _note(found: Kept, campaign: Campaign, message: Message | None, kind: str, transport: str) -> str:
    if message is None and found.slots is None and campaign.pruned_at is not None:
        return PRUNED.format(say_day(from_micros(campaign.pruned_at).astimezone(zone_named(campaign.zone)).date()))
    if message is None:
        return GONE
    if found.leased_at is None:
        return NOT_LEFT
    if kind == "sendgrid":
        return SENDGRID
    if not kind:
        return UNKNOWN.format(transport)
    return REFUSED if found.state is MessageState.REJECTED else ""


def _bytes(message: Message, kind: str) -> bytes:
    mail = mime.to_bytes(message)
    return mail.replace(b"\r\n", b"\n") if kind == "maildir" else mail  # a mailbox's files end their lines as Unix does


def _mailbox(sender: Sender) -> str:
    return f"{sender.name} <{sender.address}>" if sender.name else sender.address


def _iso(at: int | None) -> str | None:
    return None if at is None else from_micros(at).isoformat()
