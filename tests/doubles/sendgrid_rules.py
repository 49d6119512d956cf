"""What SendGrid refuses in a mail/send document: every rule that its pages state, in the words that it uses.

Where its pages disagree the stricter one holds. Fields are named as the service does: `personalizations.0.to.0.email`.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from tests.doubles.sendgrid_fields import (
    NOT_IN_NAMES,
    OPAQUE,
    Fault,
    Faults,
    custom_arg_faults,
    folded,
    header_faults,
    is_list,
    is_text,
    person_faults,
    send_at_faults,
    unknown_faults,
)
from tests.doubles.sendgrid_personalizations import personalization_faults

_TOP = frozenset(
    (
        "personalizations",
        "from",
        "reply_to",
        "reply_to_list",
        "subject",
        "content",
        "attachments",
        "template_id",
        "headers",
        "categories",
        "custom_args",
        "send_at",
        "batch_id",
        "asm",
        "ip_pool_name",
        "mail_settings",
        "tracking_settings",
    )
)
_SETTINGS: dict[str, dict[str, dict[str, type]]] = {
    "mail_settings": {
        "bypass_list_management": {"enable": bool},
        "bypass_spam_management": {"enable": bool},
        "bypass_bounce_management": {"enable": bool},
        "bypass_unsubscribe_management": {"enable": bool},
        "footer": {"enable": bool, "text": str, "html": str},
        "sandbox_mode": {"enable": bool},
    },
    "tracking_settings": {
        "click_tracking": {"enable": bool, "enable_text": bool},
        "open_tracking": {"enable": bool, "substitution_tag": str},
        "subscription_tracking": {"enable": bool, "text": str, "html": str, "substitution_tag": str},
        "ganalytics": {
            "enable": bool,
            "utm_source": str,
            "utm_medium": str,
            "utm_term": str,
            "utm_content": str,
            "utm_campaign": str,
        },
    },
}


class TwiceError(ValueError):
    """A key that stands twice in one object: most parsers hide it."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For json.loads: an object in which no key stands twice."""
    document = dict(pairs)
    if len(document) != len(pairs):
        raise TwiceError
    return document


def faults(document: Any) -> list[Fault]:
    """All that is wrong with the document, as many as can be found; none when it would be accepted."""
    if not isinstance(document, dict):
        return [OPAQUE]
    return [
        *unknown_faults(document, _TOP, ""),
        *personalization_faults(document),
        *_from(document),
        *_reply_to(document),
        *_subject(document),
        *_content(document),
        *_attachments(document),
        *header_faults(document.get("headers"), "headers"),
        *custom_arg_faults(document.get("custom_args"), "custom_args"),
        *send_at_faults(document, ""),
        *_routing(document),
        *_settings(document),
    ]


def _from(document: Mapping[str, Any]) -> Faults:
    if "from" not in document:
        yield Fault(
            "The from object must be provided for every email send. It is an object that requires the email "
            "parameter, but may also contain a name parameter.",
            "from",
        )
        return
    yield from person_faults(document["from"], "from", "From")
    if not folded(document["from"]).isascii():
        yield Fault("Unicode encoding is not supported for the from field.", "from.email")


def _reply_to(document: Mapping[str, Any]) -> Faults:
    if "reply_to" in document and "reply_to_list" in document:
        yield Fault("You may use reply_to or reply_to_list, not both.", "reply_to_list")
    if "reply_to" in document:
        yield from person_faults(document["reply_to"], "reply_to", "Reply-To")
    if "reply_to_list" in document:
        people = document["reply_to_list"]
        if not isinstance(people, list) or len(people) > 1000:
            yield Fault("The reply_to_list is limited to 1000 addresses.", "reply_to_list")
            return
        for n, person in enumerate(people):
            yield from person_faults(person, f"reply_to_list.{n}", "Reply-To")
        if len({folded(person) for person in people}) != len(people):
            yield Fault("Each email address in the reply_to_list should be unique.", "reply_to_list")


def _subject(document: Mapping[str, Any]) -> Faults:
    if "subject" in document:
        if not is_text(document["subject"]):
            yield Fault("The subject of your email must be a string at least one character in length.", "subject")
        return
    given = document.get("personalizations")
    each = is_list(given) and all(isinstance(one, dict) and "subject" in one for one in given)
    if not each and "template_id" not in document:
        yield Fault(
            "The subject is required. You can get around this requirement if you use a template with a subject "
            "defined or if every personalization has a subject defined.",
            "subject",
        )


def _content(document: Mapping[str, Any]) -> Faults:
    if "content" not in document:
        if "template_id" not in document:
            yield Fault(
                "Unless a valid template_id is provided, the content parameter is required. There must be at least "
                "one defined content block.",
                "content",
            )
        return
    parts = document["content"]
    if not isinstance(parts, list) or not parts:
        yield Fault("There must be at least one defined content block.", "content")
        return
    kinds: list[str] = []
    for n, part in enumerate(parts):
        if not isinstance(part, dict):
            yield OPAQUE
            continue
        yield from unknown_faults(part, frozenset(("type", "value")), f"content.{n}")
        kind = part.get("type")
        if not is_text(kind):
            yield Fault(
                "Your content type must be a string with length of at least one character.", f"content.{n}.type"
            )
        elif NOT_IN_NAMES.search(kind):
            yield Fault("Cannot contain ';', or CRLF characters.", f"content.{n}.type")
        if not is_text(part.get("value")):
            yield Fault("The content value must be a string at least one character in length.", f"content.{n}.value")
        kinds.append(str(kind).lower())
    order = [{"text/plain": 0, "text/html": 1}.get(kind, 2) for kind in kinds]
    if order != sorted(order) or kinds.count("text/plain") > 1 or kinds.count("text/html") > 1:
        yield Fault(
            "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent in your email: "
            "text/plain needs to be first, followed by text/html, followed by any other content.",
            "content",
        )


def _attachments(document: Mapping[str, Any]) -> Faults:
    given = document.get("attachments", [])
    if not isinstance(given, list):
        yield OPAQUE
        return
    for n, one in enumerate(given):
        where = f"attachments.{n}"
        if not isinstance(one, dict):
            yield OPAQUE
            continue
        yield from unknown_faults(one, frozenset(("content", "filename", "type", "disposition", "content_id")), where)
        content = one.get("content")
        if not is_text(content):
            yield Fault("The attachment content must be a string at least one character in length.", f"{where}.content")
        elif not _is_base64(content):
            yield Fault("The attachment content must be base64 encoded.", f"{where}.content")
        if not is_text(one.get("filename")):
            yield Fault("filename is required.", f"{where}.filename")
        for name in ("filename", "type", "content_id"):
            if name in one and not is_text(one[name]):
                yield Fault(f"The {name} of your attachment must be a string.", f"{where}.{name}")
            elif name in one and NOT_IN_NAMES.search(one[name]):
                yield Fault(f"The {name} of your attachment cannot contain ';', ',' or CRLF.", f"{where}.{name}")
        if one.get("disposition", "attachment") not in ("inline", "attachment"):
            yield Fault(
                'The disposition of your attachment can be either "inline" or "attachment".', f"{where}.disposition"
            )


def _routing(document: Mapping[str, Any]) -> Faults:
    categories = document.get("categories", [])
    if not isinstance(categories, list) or not all(isinstance(one, str) for one in categories):
        yield Fault("Categories must be an array of strings.", "categories")
    else:
        if len(categories) > 10:
            yield Fault(
                f"There is a limit of 10 categories for each email that is sent. You provided {len(categories)}.",
                "categories",
            )
        if len(set(categories)) != len(categories):
            yield Fault("The categories must be a unique list.", "categories")
        if any(len(one) > 255 for one in categories):
            yield Fault("Each category must not be longer than 255 characters.", "categories")
        if not all(one.isascii() for one in categories):
            yield Fault("Categories can not contain non-ASCII characters.", "categories")
    for name in ("template_id", "batch_id"):
        if name in document and not is_text(document[name]):
            yield Fault(f"The {name} must be a string.", name)
    pool = document.get("ip_pool_name", "no pool")
    if not isinstance(pool, str) or not 2 <= len(pool) <= 64:
        yield Fault("The name of your IP pool must be a string of 2 to 64 characters.", "ip_pool_name")
    if "asm" in document:
        yield from _asm(document["asm"])


def _asm(asm: Any) -> Faults:
    if not isinstance(asm, dict) or not isinstance(asm.get("group_id"), int):
        yield Fault("The ASM group ID must be an integer.", "asm.group_id")
        return
    yield from unknown_faults(asm, frozenset(("group_id", "groups_to_display")), "asm")
    shown = asm.get("groups_to_display", [])
    if not isinstance(shown, list) or not all(isinstance(one, int) for one in shown):
        yield Fault("The ASM Group IDs to display must be an array of integers.", "asm.groups_to_display")
    elif len(shown) > 25:
        yield Fault(
            "There is a limit of 25 unsubscribe groups that can be displayed to a user at a time.",
            "asm.groups_to_display",
        )


def _settings(document: Mapping[str, Any]) -> Faults:
    for group, known in _SETTINGS.items():
        given = document.get(group, {})
        if not isinstance(given, dict):
            yield OPAQUE
            continue
        yield from unknown_faults(given, frozenset(known), group)
        for name, values in given.items():
            if not isinstance(values, dict):
                yield OPAQUE
                continue
            yield from unknown_faults(values, frozenset(known.get(name, values)), f"{group}.{name}")
            for key, value in values.items():
                wanted = known.get(name, {}).get(key)
                if wanted and not isinstance(value, wanted):
                    yield Fault(f"The {key} parameter must be a {wanted.__name__}.", f"{group}.{name}.{key}")
    bypasses = [name for name in _bypasses(document) if name.startswith("bypass_")]
    if "bypass_list_management" in bypasses and len(bypasses) > 1:
        yield Fault("bypass_list_management cannot be combined with other bypass settings.", "mail_settings")


def _bypasses(document: Mapping[str, Any]) -> list[str]:
    given = document.get("mail_settings")
    if not isinstance(given, dict):
        return []
    return [name for name, values in given.items() if isinstance(values, dict) and values.get("enable") is True]


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
