"""The states that things pass through, and the codes that say why; small integers where millions of rows carry them."""

from enum import IntEnum, StrEnum


class CampaignKind(StrEnum):
    BULK = "bulk"
    TRANSACTIONAL = "transactional"


class CampaignState(StrEnum):
    DRAFT = "draft"
    CHECKED = "checked"
    APPROVED = "approved"
    RECURRING = "recurring"  # a series that runs: it sends nothing itself, its occurrences do
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class PauseReason(StrEnum):
    """Why a campaign stands still; `campaigns.reason` is this word, then the server's own words if there are any."""

    PERSON = "person"
    LATE = "late"
    ERRORS = "errors"
    KEY = "key"  # a password, an API key or a certificate is wrong


class MessageState(IntEnum):
    STAGED = 0
    QUEUED = 1
    LEASED = 2
    ACCEPTED = 3
    DELIVERED = 4
    BOUNCED = 5
    COMPLAINED = 6
    REJECTED = 7
    UNCERTAIN = 8
    HELD = 9
    SUPPRESSED = 10
    EXPIRED = 11
    CANCELLED = 12


class Wave(IntEnum):
    PROOF = 0
    CANARY = 1
    REST = 2


class LeftOut(IntEnum):
    """Why a row gets no message."""

    REJECTED = 1  # at import: no usable address
    DUPLICATE = 2  # the address stands in an earlier row of the sheet
    SUPPRESSED = 3
    FINDING = 4  # a Finding of severity leaves_out
    FILTERED = 5
    JOINED = 6  # stands in the mail of the person's first row


class RowVerdict(IntEnum):
    """What the import found of a row; the words are in its note."""

    GOOD = 0
    REJECTED = 1
    DUPLICATE = 2
    JOINED = 3  # a further row of one person, to stand in the mail of the first


class Repeated(StrEnum):
    """What becomes of a person's further rows in a sheet."""

    FIRST = "first"  # they are left out
    EACH = "each"  # a mail for each
    TOGETHER = "together"  # one mail with all rows


class Severity(StrEnum):
    STOPS = "stops"
    LEAVES_OUT = "leaves_out"
    WARNS = "warns"


class SuppressionReason(StrEnum):
    UNSUBSCRIBE = "unsubscribe"
    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard_bounce"
    MANUAL = "manual"


class AttemptOutcome(StrEnum):
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    UNCERTAIN = "uncertain"
