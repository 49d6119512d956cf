"""What SendGrid refuses in personalizations, each and all together."""

import re
from collections.abc import Mapping
from typing import Any

from tests.doubles.sendgrid_fields import (
    OPAQUE,
    Fault,
    Faults,
    custom_arg_faults,
    domain,
    folded,
    header_faults,
    is_list,
    is_text,
    person_faults,
    send_at_faults,
    size,
    unknown_faults,
)

MOST_PERSONALIZATIONS = 1_000
MOST_RECIPIENTS = 1_000  # to, cc and bcc of all personalizations
MOST_SUBSTITUTIONS = 10_000  # of a request
MOST_SUBSTITUTION_BYTES = 10_000  # of a personalization
_KNOWN = frozenset(
    (
        "to",
        "cc",
        "bcc",
        "from",
        "subject",
        "headers",
        "substitutions",
        "dynamic_template_data",
        "custom_args",
        "send_at",
    )
)


def personalization_faults(document: Mapping[str, Any]) -> Faults:
    given = document.get("personalizations")
    if not isinstance(given, list) or not given:
        yield Fault("You must have at least one personalization.", "personalizations")
        return
    if len(given) > MOST_PERSONALIZATIONS:
        yield Fault(
            f"The personalization block is limited to 1000 personalizations per API request. You have provided "
            f"{len(given)} personalizations. Please consider splitting this into multiple requests and resending "
            f"your request.",
            "personalizations",
        )
    for n, one in enumerate(given):
        if isinstance(one, dict):
            yield from _personalization(one, document, f"personalizations.{n}")
        else:
            yield OPAQUE
    yield from _whole_request([one for one in given if isinstance(one, dict)])


def _personalization(one: Mapping[str, Any], document: Mapping[str, Any], where: str) -> Faults:
    yield from unknown_faults(one, _KNOWN, where)
    if not isinstance(one.get("to"), list) or not one["to"]:
        yield Fault("The to parameter is required for all personalization objects.", f"{where}.to")
    seen: set[str] = set()
    for kind in ("to", "cc", "bcc"):
        people = one.get(kind, [])
        if not isinstance(people, list) or (kind in one and not people and kind != "to"):
            yield OPAQUE
            continue
        for n, person in enumerate(people):
            yield from person_faults(person, f"{where}.{kind}.{n}", kind.title())
            yield from _listed_name(person, f"{where}.{kind}.{n}.name")
            address = folded(person)
            if address and address in seen:
                yield Fault(
                    "Each email address in the personalization block should be unique between to, cc, and bcc. "
                    f"We found the first duplicate instance of [{address}] in the {where}.{kind} field.",
                    where,
                )
            seen.add(address)
    if "from" in one:
        yield from person_faults(one["from"], f"{where}.from", "From")
        if domain(one["from"]) != domain(document.get("from")):
            yield Fault("The from domain must match the domain of the message's from.", f"{where}.from.email")
    if "subject" in one and not is_text(one["subject"]):
        yield Fault("The subject of your email must be a string at least one character in length.", f"{where}.subject")
    yield from header_faults(one.get("headers"), f"{where}.headers")
    yield from _substitutions(one, document, f"{where}.substitutions")
    yield from custom_arg_faults(one.get("custom_args"), f"{where}.custom_args", document.get("custom_args"))
    yield from send_at_faults(one, f"{where}.")


def _whole_request(given: list[Mapping[str, Any]]) -> Faults:
    """What holds over all personalizations."""
    people = [
        person
        for one in given
        for kind in ("to", "cc", "bcc")
        if isinstance(one.get(kind), list)
        for person in one[kind]
    ]
    if len(people) > MOST_RECIPIENTS:
        yield Fault("There is a limit of 1000 total recipients (to + cc + bcc) per request.", "personalizations")
    seen: set[str] = set()
    for one in given:
        own = {folded(person) for person in one.get("to", []) if folded(person)} if is_list(one.get("to")) else set()
        for address in sorted(own & seen):
            yield Fault(
                "Each unique email address in the personalizations array should only be included once. "
                f"You have included [{address}] more than once.",
                "personalizations",
            )
        seen |= own
    if (
        sum(len(one["substitutions"]) for one in given if isinstance(one.get("substitutions"), dict))
        > MOST_SUBSTITUTIONS
    ):
        yield Fault("You are limited to 10,000 substitutions.", "personalizations.substitutions")


def _substitutions(one: Mapping[str, Any], document: Mapping[str, Any], where: str) -> Faults:
    template = document.get("template_id")
    dynamic = isinstance(template, str) and template.startswith("d-")
    if "dynamic_template_data" in one:
        if not isinstance(one["dynamic_template_data"], dict):
            yield OPAQUE
        if not dynamic:
            yield Fault(
                "dynamic_template_data needs a dynamic template.",
                where.replace("substitutions", "dynamic_template_data"),
            )
    if "substitutions" not in one:
        return
    given = one["substitutions"]
    if dynamic:
        yield Fault("Substitutions may not be used with dynamic templating", where)
    if not isinstance(given, dict):
        yield Fault(
            "The substitution values must be an object of key/value pairs, where the values are all strings.", where
        )
        return
    if not all(isinstance(value, str) for value in given.values()):
        yield OPAQUE
        return
    if size(given) > MOST_SUBSTITUTION_BYTES:
        yield Fault("The substitutions of a personalization may not exceed 10,000 bytes.", where)


def _listed_name(person: Any, where: str) -> Faults:
    name = person.get("name") if isinstance(person, dict) else None
    if isinstance(name, str) and re.search(r"[;,]", name):
        yield Fault("The name cannot include either the ; or , characters.", where)
