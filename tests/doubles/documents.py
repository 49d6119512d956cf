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
    "repeated": WORDS, "joined": NUMBER,
    "columns": [
        {"header": WORDS, "field": WORDS, "kind": WORDS, "empty": NUMBER, "role": WORDS, "why": WORDS}
    ],
    "changes": {"new": NUMBER, "changed": NUMBER, "gone": NUMBER},
    "first_changes": {"new": [CHANGED_ROW], "changed": [CHANGED_ROW], "gone": [CHANGED_ROW]},
    "findings": [FINDING],
}  # fmt: skip
PREVIEW = {
    "template": WORDS, "list": WORDS,
    "previews": [
        {
            "row": NUMBER, "to": WORDS, "subject": WORDS, "why": (list,),
            "files": {"eml": WORDS, "html": MAYBE_WORDS, "text": WORDS},
        }
    ],
    "findings": [FINDING],
}  # fmt: skip
CAMPAIGN = {
    "campaign": {
        "name": WORDS, "state": WORDS, "reason": WORDS, "list": WORDS, "sheet": MAYBE_NUMBER, "template": WORDS,
        "version": MAYBE_NUMBER, "transport": WORDS, "leaves": YES, "starts": STARTS, "throttles": (list,),
        "pause_above": WORDS, "canary": (dict, type(None)), "audience": (dict, type(None)),
        "series": (dict, type(None)),
        "hold": WORDS, "windows": (list,), "holidays": WORDS, "times": (dict, type(None)), "late": WORDS,
    }
}  # fmt: skip
CHECK = {
    "campaign": WORDS, "rows": NUMBER, "ready": NUMBER, "left_out": NUMBER, "joined": NUMBER, "shapes": NUMBER,
    "findings": [FINDING],
}  # fmt: skip
QUEUED = {
    "campaign": WORDS, "state": WORDS, "starts": STARTS, "transport": WORDS, "leaves": YES, "queued": NUMBER,
    "left_out": NUMBER, "worker_running": YES, "canary": (dict, type(None)), "opens": MAYBE_WORDS,
    "times": (dict, type(None)), "hold": WORDS,
    "shares": [{"transport": WORDS, "mails": NUMBER, "groups": (list,)}],
    "plan": (dict, type(None)),
}  # fmt: skip
LIMITING = {"limit": WORDS, "last_without": WORDS, "gain": NUMBER}
IN_SHORT = {
    "zone": WORDS,
    "never": NUMBER,
    "first": MAYBE_WORDS,
    "last": MAYBE_WORDS,
    "on_first_day": NUMBER,
    "limits": [LIMITING],
}
PLAN = {
    **IN_SHORT, "campaign": WORDS, "state": WORDS, "mails": NUMBER, "beside": (list,), "step": NUMBER,
    "wires": [{"transport": WORDS, "rate": (int, float, type(None))}], "curve": [{"at": WORDS, "mails": NUMBER}],
}  # fmt: skip
CALENDAR = {
    "zone": WORDS, "until": WORDS,
    "days": [
        {
            "day": WORDS,
            "campaigns": [
                {
                    "campaign": WORDS, "state": WORDS, "transport": WORDS, "first": WORDS, "last": WORDS,
                    "mails": MAYBE_NUMBER,
                }
            ],
        }
    ],
    "collisions": [{"day": WORDS, "campaigns": (list,), "people": NUMBER}],
}  # fmt: skip
PROOF = {**QUEUED, "proofs": [{"row": NUMBER, "why": (list,)}]}
APPROVAL = {"who": WORDS, "at": WORDS, "note": WORDS, "changed": (list,)}
APPROVED = {**CAMPAIGN, "approval": APPROVAL, "check": CHECK}
SHOWN = {
    "message": WORDS, "campaign": WORDS, "template": WORDS, "version": MAYBE_NUMBER, "row": MAYBE_NUMBER, "proof": YES,
    "to": WORDS, "from": MAYBE_WORDS, "subject": MAYBE_WORDS, "message_id": MAYBE_WORDS, "transport": WORDS,
    "state": WORDS, "attempts": NUMBER, "tries": [{"at": WORDS, "outcome": WORDS, "code": WORDS, "text": WORDS}],
    "leased_at": MAYBE_WORDS, "settled_at": MAYBE_WORDS, "remote_id": WORDS, "note": WORDS, "text": MAYBE_WORDS,
    "html": MAYBE_WORDS,
}  # fmt: skip
VERSIONS = {
    "template": WORDS,
    "versions": [
        {
            "version": NUMBER, "at": WORDS, "who": WORDS, "now": YES,
            "campaigns": [{"campaign": WORDS, "state": WORDS, "messages": NUMBER, "proofs": NUMBER}],
        }
    ],
}  # fmt: skip
DIFF = {"template": WORDS, "from": NUMBER, "to": MAYBE_NUMBER, "files": [{"file": WORDS, "diff": WORDS}]}
RESTORED = {
    "template": WORDS, "version": NUMBER, "files": (list,), "kept": MAYBE_NUMBER, "differs": (list,), "others": (list,),
}  # fmt: skip
WORKER = {"host": WORDS, "pid": NUMBER, "version": WORDS, "beat_at": WORDS}
WARM_UP = {
    "whose": WORDS, "table": WORDS, "day": MAYBE_NUMBER, "days": NUMBER, "limit": MAYBE_WORDS, "used": NUMBER,
    "until": MAYBE_WORDS, "zone": WORDS, "coming": (list,), "last": MAYBE_WORDS, "tried": NUMBER, "deferred": NUMBER,
}  # fmt: skip
STATUS = {
    "worker": (dict, type(None)), "held": (dict, type(None)),
    "outages": [{"transport": WORDS, "since": WORDS, "words": WORDS, "again": WORDS, "through": MAYBE_WORDS}],
    "warm_ups": [WARM_UP],
    "campaigns": [
        {
            "name": WORDS, "state": WORDS, "reason": WORDS, "rows": NUMBER, "left_out": NUMBER, "messages": MESSAGES,
            "starts": STARTS, "transport": WORDS, "leaves": YES, "rate": (int, float), "waiting": (dict, type(None)),
            "trouble": (list,), "audience": (dict, type(None)), "approval": (dict, type(None)),
            "waits": (list,), "slowed": (list,), "connections": MAYBE_NUMBER, "ends": MAYBE_WORDS,
            "forecast": (dict, type(None)),
            "pause_above": WORDS, "canary": (dict, type(None)), "series": (dict, type(None)),
            "occurrence": (dict, type(None)), "windows": (list,),
        }
    ],
}  # fmt: skip
SERIES = {
    "every": WORDS, "to": WORDS, "sheet": WORDS, "late": WORDS, "next": MAYBE_WORDS, "last": (dict, type(None)),
}  # fmt: skip
LAST = {"campaign": WORDS, "on": WORDS, "state": WORDS, "held": YES, "rows": NUMBER, "messages": COUNTS}
OCCURRENCE = {"series": WORDS, "on": WORDS, "held": YES}
STARTED = {**CAMPAIGN, "next": [{"on": WORDS, "at": WORDS}], "worker_running": YES}
AUDIENCE = {"where": WORDS, "exclude": (list,), "not_mailed_in": WORDS}
HELD = {
    "why": WORDS, "waiting": [{"campaign": WORDS, "state": WORDS, "messages": NUMBER}], "sentence": WORDS, "remedy": WORDS,
}  # fmt: skip
WAITING = {"for": WORDS, "until": MAYBE_WORDS}
REPORT = {
    "campaign": WORDS, "template": WORDS, "version": MAYBE_NUMBER, "rows": NUMBER, "left_out": COUNTS,
    "messages": MESSAGES, "adds_up": YES, "pruned_at": MAYBE_WORDS,
    "last": MAYBE_WORDS,
}  # fmt: skip
RUN = {"seconds": (int, float), "messages": COUNTS}
SIZES = {"folders": COUNTS, "tables": COUNTS, "free_in_database": NUMBER}
DOCTOR = {"checks": [{"name": WORDS, "state": WORDS, "sentence": WORDS, "remedy": WORDS}], "sizes": SIZES}
BACKUP = {
    "file": WORDS, "bytes": NUMBER, "bytes_unpacked": NUMBER, "files": NUMBER, "schema": WORDS, "made_at": WORDS,
    "missing": (list,), "secrets": (list,), "left_out": (list,),
}  # fmt: skip
RESTORED_BACKUP = {
    "workspace": WORDS, "made_at": WORDS, "made_by": WORDS, "files": NUMBER, "bytes": NUMBER, "schema": WORDS,
    "upgrade": YES, "elsewhere": WORDS,
}  # fmt: skip
AMOUNT = {"count": NUMBER, "bytes": NUMBER}
PRUNED = {
    "older": WORDS, "before": WORDS,
    "dropped": {
        "messages": AMOUNT, "shapes": AMOUNT, "constants": AMOUNT, "attachments": AMOUNT, "rows": AMOUNT,
        "sheets": AMOUNT, "rehearsals": AMOUNT,
    },
    "database": {"bytes_before": NUMBER, "bytes_after": NUMBER, "why_not_smaller": WORDS},
}  # fmt: skip


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
