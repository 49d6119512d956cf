"""All tables. Instants are microseconds UTC; enums are words in small tables and small integers in big ones.

The schema is portable to PostgreSQL; the migrations make exactly these. A recipient's and a shape's id carry no foreign
key where millions of rows refer to them without an index: each deleted recipient or shape would scan all messages.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives a rowid, and counts it up by itself, only to a column that is INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")


@compiles(CreateIndex, "postgresql")
def _with_its_condition(create: CreateIndex, compiler: DDLCompiler, **how: Any) -> str:
    """PostgreSQL's indexes have the conditions of SQLite's; to name them there would load that dialect each time."""
    options = create.element.dialect_options
    options["postgresql"]["where"] = options["sqlite"]["where"]
    return str(compiler.visit_create_index(create, **how))  # type: ignore[no-untyped-call]


def _key() -> Column[int]:
    return Column("id", Key, primary_key=True)


workspace = Table(
    "workspace",
    metadata,
    Column("uuid", String(36), primary_key=True),
    Column("machine_id", Text, nullable=False),  # where its last worker ran, at first where it was made
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("inode", BigInteger),  # of the file that its last worker wrote
    Column("turn", BigInteger, nullable=False, server_default=text("0")),  # counted up here and in the lock file
    Column("copied_since", BigInteger),  # when this copy was made, if it is one and nobody has accepted it yet
)

history = Table(
    "history",
    metadata,
    _key(),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("thing", Text, nullable=False),  # "campaign", "list", ...
    Column("thing_id", BigInteger),
    Column("detail", Text, nullable=False, default=""),  # JSON
)

lists = Table(
    "lists",
    metadata,
    _key(),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False, unique=True),
)

sheets = Table(
    "sheets",
    metadata,
    _key(),
    Column("list_id", ForeignKey("lists.id"), nullable=False),
    Column("n", Integer),  # null while its rows are still coming in: invisible until the import is whole
    Column("sha256", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("kept", Boolean, nullable=False),
    Column("worksheet", Text, nullable=False, default=""),
    Column("encoding", Text, nullable=False, default=""),
    Column("delimiter", Text, nullable=False, default=""),
    Column("header_row", Integer, nullable=False),
    Column("repeated", Text, nullable=False, server_default="first"),  # model.states.Repeated
    Column("rows", Integer, nullable=False, default=0),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("pruned_at", BigInteger),  # since when its cells and its kept file are gone; null while they are there
    UniqueConstraint("list_id", "n"),
)

columns = Table(
    "columns",
    metadata,
    Column("sheet_id", ForeignKey("sheets.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("header", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("format", Text, nullable=False, default=""),
    Column("locale", Text, nullable=False, default=""),
    Column("empty", Integer, nullable=False, default=0),
    Column("role", Text, nullable=False, server_default=text("''")),
    Column("why", Text, nullable=False, server_default="content"),
    Column("holds", Text, nullable=False, server_default=text("''")),  # what the list's next sheet keeps
)

versions = Table(
    "versions",
    metadata,
    _key(),
    Column("template", Text, nullable=False),  # its name, relative to the workspace
    Column("kind", Text, nullable=False),  # md, mjml, html, txt
    Column("sha256", Text, nullable=False),
    Column("source", LargeBinary, nullable=False),  # zlib: the file and the layouts and blocks it used
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    UniqueConstraint("template", "sha256"),
)

constants = Table(
    "constants",
    metadata,
    _key(),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),  # zlib
    UniqueConstraint("version_id", "sha256"),
)

campaigns = Table(
    "campaigns",
    metadata,
    _key(),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("list_id", ForeignKey("lists.id"), nullable=False),
    Column("sheet_id", ForeignKey("sheets.id")),
    Column("template", Text, nullable=False),
    Column("version_id", ForeignKey("versions.id")),
    Column("sender_given", Text, nullable=False, default=""),  # what the person asked for; "" leaves it to the template
    Column("sender", Text, nullable=False, default=""),  # From, with its display name
    Column("reply_to", Text, nullable=False, default=""),
    Column("public_url", Text, nullable=False, default=""),
    Column("transport", Text, nullable=False),
    Column("leaves", Boolean, nullable=False),
    Column("zone", Text, nullable=False),
    Column("starts_wall", Text, nullable=False, default=""),  # "2026-12-01T09:00", "" = now
    Column("starts_at", BigInteger),
    Column("late_after", Integer, nullable=False),  # seconds
    Column("give_up_after", Integer, nullable=False),  # seconds
    Column("throttles", Text, nullable=False, default=""),  # text forms, a line each
    Column("tag_salt", LargeBinary, nullable=False),
    Column("prints_today", Boolean, nullable=False, default=False),
    Column("checking", Text, nullable=False, default=""),  # who is staging messages just now
    Column("prepared", Text, nullable=False, default=""),  # hash of all that the staged messages were made from
    Column("fingerprint", Text, nullable=False, default="", index=True),  # hash of sheet and template version
    Column("series", Text),  # the name of the series that it is an occurrence of
    Column("occurrence", Text),  # the local date that it is for, "2026-11-30": never two of one date
    Column("rows", Integer, nullable=False, default=0),
    Column("made_at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("queued_at", BigInteger),
    Column("finished_at", BigInteger),
    Column(
        "audience", Text, nullable=False, server_default=text("''")
    ),  # JSON: whom of the list it is for, "" = everybody
    Column("pause_above", Text, nullable=False, server_default=text("''")),  # text form, "" = never
    Column("canary", Text, nullable=False, server_default=text("''")),  # text form, "" = all at once
    Column("canary_mails", Integer, nullable=False, server_default=text("0")),  # how many that came to
    Column("hold", Integer, nullable=False, server_default=text("0")),  # seconds between the canary and the others
    Column("holds_until", BigInteger),  # null until the canary has left
    Column("pruned_at", BigInteger),  # when the content of its mails began to be pruned
    Column("checked_for", Text, nullable=False, server_default=text("''")),  # kinds of transports, once queued
    Column("windows", Text, nullable=False, server_default=text("''")),  # its own send windows, a line each
    Column("holidays", Text, nullable=False, server_default=text("''")),  # on which they are shut: "DE-BY"
    Column("late", Text, nullable=False, server_default=text("''")),  # model.late.Late, "" = ask
    Column(
        "zone_by", Text, nullable=False, server_default=text("''")
    ),  # fields that say each person's zone, a line each
    Column(
        "starts_by", Text, nullable=False, server_default=text("''")
    ),  # "recipient": `starts_wall` is on each one's clock
    Column("at_column", Text, nullable=False, server_default=text("''")),  # the field that says each person's instant
    UniqueConstraint("series", "occurrence"),
)

series = Table(  # what comes round: the campaign of that id is the pattern that each occurrence is made from
    "series",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("every", Text, nullable=False),  # as a person wrote it, in the campaign's zone
    Column("whom", Text, nullable=False),  # model.series.Whom
    Column("sheet_path", Text, nullable=False),  # "" for the newest sheet of the list
    Column("late", Text, nullable=False),  # model.late.Late, of missed dates
    Column("first_rows", Integer, nullable=False, server_default=text("0")),  # of the sheet when it was started
    Column("since", BigInteger),  # only dates whose instant is later come round; null until it is started
    Column("latest", Text),  # the newest local date that was dealt with
    Column("next_at", BigInteger),  # when to look again: an alarm, computed from the intent; null while it stands still
    Column("put_off_until", BigInteger),  # a missed date that goes out at the series' next hour
    Column("preparing", ForeignKey("campaigns.id")),  # the occurrence that is being made just now, or that a kill left
    Column("due_at", BigInteger),  # when that was to leave
)

plans = Table(  # when a campaign that was queued will be through, by the newest plan, and by the one that was made then
    "plans",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("made_at", BigInteger, nullable=False),
    Column("begins_at", BigInteger, nullable=False),
    Column("promised_at", BigInteger),  # null where nothing said so
    Column("ends_at", BigInteger),
    Column("told_at", BigInteger),  # the end that was told last
)

approvals = Table(
    "approvals",
    metadata,
    _key(),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False, index=True),
    Column("hash", Text, nullable=False),  # of all parts
    Column("parts", Text, nullable=False),  # JSON: what was approved, part by part
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("withdrawn_at", BigInteger),  # null while it stands
)

findings = Table(
    "findings",
    metadata,
    _key(),
    Column("campaign_id", ForeignKey("campaigns.id"), index=True),
    Column("sheet_id", ForeignKey("sheets.id"), index=True),
    Column("code", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("first_rows", Text, nullable=False),  # JSON
    Column("place", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("remedy", Text, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    _key(),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("machine_id", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
    Column("stopped_at", BigInteger),
    Column("doing", Text, nullable=False, default=""),  # JSON: rates, waits and troubles, for `status`
)

handovers = Table(
    "handovers",
    metadata,
    _key(),
    Column("worker_id", ForeignKey("workers.id"), nullable=False),
    Column("transport", Text, nullable=False),
    Column("host", Text, nullable=False, default=""),
    Column("remote_id", Text, nullable=False, default=""),
    Column("code", Text, nullable=False, default=""),
    Column("text", Text, nullable=False, default=""),
    Column("at", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
)

throttle_use = Table(
    "throttle_use",
    metadata,
    Column("throttle", Text, primary_key=True),  # whose and which: "transport:relay 100/s"
    Column("slice", BigInteger, primary_key=True),  # micros UTC of the slice's start
    Column("used", Integer, nullable=False),
    sqlite_with_rowid=False,
)

paces = Table(  # what the worker goes slower at than it may, because a server complained
    "paces",
    metadata,
    Column("whose", Text, primary_key=True),  # "transport relay", "domains gmail.com by relay"
    Column("top", Float, nullable=False),  # hand-overs a second at full speed
    Column("rate", Float, nullable=False),  # after the last fall
    Column("at", BigInteger, nullable=False),  # when that was
    Column("held_until", BigInteger, nullable=False),  # nothing before, because a server asked for it
    sqlite_with_rowid=False,
)

warm_ups = Table(  # how far each has come; only the worker writes what it counts, and only people what is asked for
    "warm_ups",
    metadata,
    Column("whose", Text, primary_key=True),  # "transport relay", "sender ada@example.com"
    Column("step", Integer, nullable=False, default=0),  # of the last day on which something left
    Column("day", Text),  # that day, in the warm-up's zone
    Column("tried", Integer, nullable=False, default=0),  # hand-overs of that day that were answered
    Column("deferred", Integer, nullable=False, default=0),  # of those
    Column("heard", BigInteger, nullable=False, default=0),  # the `asked_at` that the worker has followed
    Column("asked_step", Integer),  # what a person wants to hold today
    Column("asked_at", BigInteger, nullable=False, default=0),
    sqlite_with_rowid=False,
)

lanes = Table(  # recipient-domain groups that messages stand in, and parts of them by the recipients' zone
    "lanes",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("part_of", SmallInteger),  # the group, where it is only the people of one zone; 0 for those without a group
    Column("zone", Text, nullable=False, server_default=text("''")),
)

suppressions = Table(
    "suppressions",
    metadata,
    _key(),
    Column("address_id", ForeignKey("addresses.id"), unique=True),
    Column("domain_id", ForeignKey("domains.id"), unique=True),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False, default=""),
    Column("campaign_id", ForeignKey("campaigns.id")),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
)

domains = Table(
    "domains",
    metadata,
    _key(),
    Column("name", Text, nullable=False, unique=True),
    Column("lane", SmallInteger, nullable=False, default=0),  # recipient-domain group, 0 = none
)

addresses = Table(
    "addresses",
    metadata,
    _key(),
    Column("folded", Text, nullable=False, unique=True),
    Column("domain_id", ForeignKey("domains.id"), nullable=False),
)

recipients = Table(
    "recipients",
    metadata,
    _key(),
    Column("sheet_id", ForeignKey("sheets.id"), nullable=False),
    Column("row", Integer, nullable=False),
    Column("address_id", ForeignKey("addresses.id")),
    Column("given", Text),  # the address as typed, where it differs from the folded one
    Column("cells", Text, nullable=False),
    Column("verdict", SmallInteger, nullable=False),
    Column("note", Text),  # why it was rejected
    UniqueConstraint("sheet_id", "row"),
)
JOINED = text("verdict = 3")  # RowVerdict.JOINED; a literal, as QUEUED is
Index(
    "ix_recipients_joined",
    recipients.c.sheet_id,
    recipients.c.address_id,
    recipients.c.row,
    sqlite_where=JOINED,
)

left_out = Table(
    "left_out",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("recipient_id", Key, primary_key=True),
    Column("code", SmallInteger, nullable=False),
    Column("message_id", BigInteger),
    Column("note", Text),
    sqlite_with_rowid=False,
)

shapes = Table(
    "shapes",
    metadata,
    _key(),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("parts", LargeBinary, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    UniqueConstraint("campaign_id", "sha256"),
)

messages = Table(
    "messages",
    metadata,
    _key(),
    Column("campaign_id", ForeignKey("campaigns.id"), nullable=False),
    Column("recipient_id", Key, nullable=False),
    Column("address_id", ForeignKey("addresses.id"), nullable=False),
    Column("ordinal", SmallInteger, nullable=False, default=0),
    Column("wave", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False, default=0),
    Column("lane", SmallInteger, nullable=False, default=0),  # its domain's, -1 - that in the canary
    Column("attempts", SmallInteger, nullable=False, default=0),
    Column("shape_id", Key, nullable=False),
    Column("to_addr", Text),  # null where it is the folded address
    Column("slots", LargeBinary),
    Column("token", LargeBinary, nullable=False),
    Column("worker_id", Integer),
    Column("handover_id", BigInteger),
    Column("leased_at", BigInteger),
    Column("settled_at", BigInteger),
    Column("remote_id", Text),
    sqlite_autoincrement=True,  # ids are names in links and Message-IDs: never used twice
)
QUEUED = text("state = 1")  # MessageState.QUEUED; an index's condition must be a literal
Index(
    "uq_messages_campaign_person",
    messages.c.campaign_id,
    messages.c.address_id,
    messages.c.ordinal,
    unique=True,
    sqlite_where=text("wave > 0"),
)
Index(
    "ix_messages_queued",
    messages.c.campaign_id,
    messages.c.lane,
    messages.c.due_at,
    messages.c.id,
    sqlite_where=QUEUED,
)
Index(
    "ix_messages_proofs",
    messages.c.id,
    sqlite_where=text("state = 1 AND wave = 0"),
)
Index(
    "ix_messages_leased",
    messages.c.worker_id,
    sqlite_where=text("state = 2"),
)
Index(  # counting and finding what is settled: rejected, uncertain, ...
    "ix_messages_settled",
    messages.c.campaign_id,
    messages.c.state,
    messages.c.wave,
    sqlite_where=text("state > 2"),
)
Index("ix_messages_address", messages.c.address_id)

attempts = Table(
    "attempts",
    metadata,
    Column("message_id", BigInteger, primary_key=True),
    Column("n", SmallInteger, primary_key=True),
    Column("handover_id", BigInteger),
    Column("at", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Text, nullable=False, default=""),
    Column("text", Text, nullable=False, default=""),
    sqlite_with_rowid=False,
)

files = Table(  # each attachment once; its bytes lie in the workspace (`kept_files.py`)
    "files",
    metadata,
    _key(),
    Column("sha256", Text, nullable=False, unique=True),  # hexadecimal: the kept file's name
    Column("size", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)

campaign_files = Table(  # which campaigns' mails carry a file, or carried it: as long as one does, it is kept
    "campaign_files",
    metadata,
    Column("campaign_id", ForeignKey("campaigns.id"), primary_key=True),
    Column("file_id", ForeignKey("files.id"), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

message_files = Table(  # the files of one person's message; those that are the same for all stand in its shape
    "message_files",
    metadata,
    Column("message_id", BigInteger, primary_key=True),
    Column("place", SmallInteger, primary_key=True),
    Column("file_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    sqlite_with_rowid=False,
)
