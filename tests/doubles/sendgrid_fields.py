"""What SendGrid refuses in the fields that stand on both levels of a mail/send document: people, headers, custom_args."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

MOST_ADDRESS = 320
MOST_CUSTOM_ARG_BYTES = 10_000  # of a personalization, merged with the message's
FARTHEST = 72 * 3600  # seconds that send_at may lie ahead
RESERVED_HEADERS = frozenset(
    (
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    )
)
NOT_IN_NAMES = re.compile(r"[;,\r\n]")
_ADDRESS = re.compile(r"[^\s@<>(),;:\\\"\[\]]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Fault:
    message: str
    field: str | None

    def as_json(self) -> dict[str, str | None]:
        return {"message": self.message, "field": self.field, "help": None}


OPAQUE = Fault("Bad Request", None)  # all that the service says of a value that is no string
Faults = Iterator[Fault]


def person_faults(person: Any, where: str, kind: str) -> Faults:
    if not isinstance(person, dict):
        yield OPAQUE
        return
    yield from unknown_faults(person, frozenset(("email", "name")), where)
    email = person.get("email")
    if isinstance(email, str) and len(email) > MOST_ADDRESS:
        yield Fault(f"The {kind} email exceeds the maximum total length of 320 characters", f"{where}.email")
    elif not isinstance(email, str) or not _ADDRESS.fullmatch(email):
        yield Fault("Does not contain a valid address.", f"{where}.email")
    if "name" in person and not isinstance(person["name"], str):
        yield OPAQUE


def header_faults(given: Any, where: str) -> Faults:
    if given is None:
        return
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        yield Fault("All values of the headers object must be strings.", where)
        return
    if len({key.lower() for key in given}) != len(given):
        yield Fault("The headers cannot contain duplicate keys.", where)
    for key, value in given.items():
        if not key or not re.fullmatch(r"[!-9;-~]+", key):
            yield Fault("Header keys cannot contain non-ASCII characters or empty spaces.", f"{where}.{key}")
        if key.lower() in RESERVED_HEADERS:
            yield Fault("Header cannot be one of the reserved keys.", f"{where}.{key}")
        if not value.isascii() or re.search(r"[\r\n\0]", value):
            yield Fault("Header values must be ASCII; Unicode must be encoded.", f"{where}.{key}")


def custom_arg_faults(own: Any, where: str, shared: Any = None) -> Faults:
    if own is None:
        return
    if not isinstance(own, dict) or not all(isinstance(value, str) for value in own.values()):
        yield OPAQUE
        return
    if not own:
        yield Fault("custom_args cannot be empty.", where)
    if size({**shared, **own} if isinstance(shared, dict) else own) > MOST_CUSTOM_ARG_BYTES:
        yield Fault(
            "The combined size of both global and personalization custom arguments may not exceed 10,000 bytes per "
            "personalization.",
            where,
        )


def send_at_faults(holder: Mapping[str, Any], where: str) -> Faults:
    if "send_at" not in holder:
        return
    if not isinstance(holder["send_at"], int) or isinstance(holder["send_at"], bool):
        yield Fault("The send_at parameter is expecting a Unix timestamp as an integer.", f"{where}send_at")
    elif holder["send_at"] > time.time() + FARTHEST:
        yield Fault("Scheduling more than 72 hours in advance is forbidden.", f"{where}send_at")


def unknown_faults(given: Mapping[str, Any], known: frozenset[str], where: str) -> Faults:
    for key in given:
        if key not in known:
            yield Fault(f"Additional property {key} is not allowed", where or key)


def folded(person: Any) -> str:
    email = person.get("email") if isinstance(person, dict) else None
    return email.casefold() if isinstance(email, str) else ""


def domain(person: Any) -> str:
    return folded(person).rpartition("@")[2]


def size(strings: Mapping[str, str]) -> int:
    return sum(
        len(key.encode()) + len(value.encode(errors="replace"))
        for key, value in strings.items()
        if isinstance(value, str)
    )


def is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
