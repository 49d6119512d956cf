"""What is said of people: who is left out, and whose address not every server takes."""

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
