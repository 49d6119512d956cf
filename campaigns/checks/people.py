"""What is said of people: who is left out, and whose address not every server takes."""

from dataclasses import replace

from campaigns.model.finding import Finding
from campaigns.model.states import Severity

REJECTED = Finding(
    "rejected",
    Severity.LEAVES_OUT,
    "The row has no usable address.",
    "Correct the addresses in the sheet and import it again.",
)
DUPLICATE = Finding(
    "duplicate",
    Severity.LEAVES_OUT,
    "The address stands in an earlier row: each person gets one mail.",
    "To mail every row, or all rows of a person in one mail, import with --repeated each or --repeated together.",
)
SUPPRESSED = Finding(
    "suppressed",
    Severity.LEAVES_OUT,
    "The person unsubscribed, complained, cannot be reached or was suppressed by hand.",
)
CONDITION = Finding(
    "filtered",
    Severity.LEAVES_OUT,
    "The condition of `--where` does not hold.",
)
PASSED_OVER = Finding(
    "passed_over",
    Severity.WARNS,
    "The row meets the condition of `--where`, but it is not the person's first one, and that does not meet it.",
    "To mail these people, import a sheet with the other row first.",
)
EXCLUDED = Finding(
    "filtered",
    Severity.LEAVES_OUT,
    "The person stands in an excluded list.",
)
MAILED = Finding(
    "filtered",
    Severity.LEAVES_OUT,
    "The person was mailed not long ago.",
)
SERVED = Finding(
    "filtered",
    Severity.LEAVES_OUT,
    "The series has mailed the person already.",
    where="--to new",
)
UNCHANGED = Finding(
    "filtered",
    Severity.LEAVES_OUT,
    "The row is as it was when the series mailed the person last.",
    where="--to changed",
)
NON_ASCII_ADDRESS = Finding(
    "non_ascii_address",
    Severity.WARNS,
    "The part before the @ has letters beyond ASCII: servers without SMTPUTF8 refuse such an address.",
    "Ask the person for another address if the mail bounces.",
)
NOBODY = Finding(
    "nobody",
    Severity.STOPS,
    "No row is left to mail.",
    "Look at the rows that are left out, and why.",
)


NOBODY_YET = Finding(
    "nobody_yet",
    Severity.WARNS,
    "The series has nobody to mail this time.",
)


def nobody(filtered: int) -> Finding:
    """The Finding of a campaign without a message, of whose rows so many were filtered."""
    if not filtered:
        return NOBODY
    sentence = f"The audience is empty: it leaves out {filtered:,} row{'' if filtered == 1 else 's'}, and none remains."
    remedy = "Make the campaign anew with `mergecast create`, `--replace` and other conditions."
    return replace(NOBODY, sentence=sentence, remedy=remedy)
