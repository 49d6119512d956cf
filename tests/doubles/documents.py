"""The JSON documents of the command line, key by key, as they were agreed; written by hand.

A nested document is a dict, a list of documents a list with one of them, anything else the types that may stand there.
"""

from typing import Any

WORDS, NUMBER, YES, ANY = (str,), (int,), (bool,), (object,)
MAYBE_WORDS, MAYBE_NUMBER = (str, type(None)), (int, type(None))
COUNTS = (dict,)  # names and numbers

STATES = (
    "staged", "queued", "leased", "accepted", "delivered", "bounced", "complained", "rejected", "uncertain", "held",
    "suppressed", "expired", "cancelled",
)  # fmt: skip
MESSAGES = dict.fromkeys(STATES, NUMBER)
STARTS = {"at": MAYBE_WORDS, "wall": WORDS, "zone": WORDS}
WHERE = {"file": MAYBE_WORDS, "sheet": MAYBE_WORDS, "row": MAYBE_NUMBER, "column": MAYBE_WORDS, "line": MAYBE_NUMBER}
FINDING = {
    "code": WORDS, "severity": WORDS, "rows": NUMBER, "first_rows": (list, tuple), "where": WORDS, "sentence": WORDS,
    "remedy": WORDS,
}  # fmt: skip

ERROR = {"error": {"kind": WORDS, "sentence": WORDS, "where": WHERE, "remedy": WORDS}}
CHANGED_ROW = {"row": NUMBER, "address": WORDS, "fields": (list, tuple)}
IMPORT = {
    "list": WORDS, "sheet": NUMBER, "rows": NUMBER, "good": NUMBER, "left_out": NUMBER,
    "columns": [{"header": WORDS, "field": WORDS, "kind": WORDS, "empty": NUMBER}],
    "changes": {"new": NUMBER, "changed": NUMBER, "gone": NUMBER},
    "first_changes": {"new": [CHANGED_ROW], "changed": [CHANGED_ROW], "gone": [CHANGED_ROW]},
    "findings": [FINDING],
}  # fmt: skip
PREVIEW = {
    "template": WORDS, "list": WORDS,
    "previews": [{"row": NUMBER, "to": WORDS, "subject": WORDS, "files": {"eml": WORDS, "html": MAYBE_WORDS}}],
    "findings": [FINDING],
}  # fmt: skip
CAMPAIGN = {
    "campaign": {
        "name": WORDS, "state": WORDS, "reason": WORDS, "list": WORDS, "sheet": MAYBE_NUMBER, "template": WORDS,
        "version": MAYBE_NUMBER, "transport": WORDS, "leaves": YES, "starts": STARTS, "throttles": (list,),
    }
}  # fmt: skip
CHECK = {
    "campaign": WORDS, "rows": NUMBER, "ready": NUMBER, "left_out": NUMBER, "shapes": NUMBER, "findings": [FINDING],
}  # fmt: skip
QUEUED = {
    "campaign": WORDS, "state": WORDS, "starts": STARTS, "transport": WORDS, "leaves": YES, "queued": NUMBER,
    "left_out": NUMBER, "worker_running": YES,
}  # fmt: skip
WORKER = {"host": WORDS, "pid": NUMBER, "version": WORDS, "beat_at": WORDS}
STATUS = {
    "worker": (dict, type(None)),
    "campaigns": [
        {
            "name": WORDS, "state": WORDS, "reason": WORDS, "rows": NUMBER, "left_out": NUMBER, "messages": MESSAGES,
            "starts": STARTS, "transport": WORDS, "leaves": YES, "rate": (int, float), "waiting": (dict, type(None)),
            "trouble": (list,),
        }
    ],
}  # fmt: skip
WAITING = {"for": WORDS, "until": MAYBE_WORDS}
REPORT = {"campaign": WORDS, "rows": NUMBER, "left_out": COUNTS, "messages": MESSAGES, "adds_up": YES}
RUN = {"seconds": (int, float), "messages": COUNTS}
DOCTOR = {"checks": [{"name": WORDS, "state": WORDS, "sentence": WORDS, "remedy": WORDS}]}


def mistakes(told: Any, agreed: Any, at: str = "") -> list[str]:
    """Where a document is not as agreed: keys too many or too few, values of another type."""
    if isinstance(agreed, dict):
        if not isinstance(told, dict):
            return [f"{at or 'it'} is no document"]
        found = [f"{at}.{key} is missing" for key in agreed.keys() - told.keys()]
        found += [f"{at}.{key} was not agreed" for key in told.keys() - agreed.keys()]
        return found + [
            m for key in agreed.keys() & told.keys() for m in mistakes(told[key], agreed[key], f"{at}.{key}")
        ]
    if isinstance(agreed, list):
        if not isinstance(told, list):
            return [f"{at} is no list"]
        return [m for place, one in enumerate(told) for m in mistakes(one, agreed[0], f"{at}[{place}]")]
    wrong = not isinstance(told, agreed) or (isinstance(told, bool) and bool not in agreed)
    return [f"{at} is {told!r}"] if wrong else []
