"""The mails that people get from a mail/send document: merged, and with the substitutions made."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_ADDED = {  # settings that an account may have on: a request that leaves them open gets their marks in its mails
    "footer": ("mail_settings", "[footer]"),
    "click_tracking": ("tracking_settings", "[clicks tracked]"),
    "open_tracking": ("tracking_settings", "[opens tracked]"),
    "subscription_tracking": ("tracking_settings", "[unsubscribe by SendGrid]"),
    "ganalytics": ("tracking_settings", "[analytics]"),
}


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    type: str
    disposition: str
    content_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """What one person would have received."""

    request_id: str  # X-Message-Id
    to: tuple[Person, ...]
    from_: Person
    reply_to: Person | None
    subject: str
    text: str | None
    html: str | None
    headers: Mapping[str, str]
    attachments: tuple[Attachment, ...]
    custom_args: Mapping[str, str]
    left_tags: tuple[str, ...]  # tags of the request that still stand in this mail
    ambiguous: bool  # the mail depends on the order in which its tags are replaced


def mails(document: Mapping[str, Any], request_id: str) -> list[Mail]:
    """One mail for each personalization of a valid document."""
    tags = {tag for one in document["personalizations"] for tag in one.get("substitutions", {})}
    attachments = tuple(_attachment(one) for one in document.get("attachments", []))
    return [_mail(one, document, request_id, tags, attachments) for one in document["personalizations"]]


def _mail(
    one: Mapping[str, Any],
    document: Mapping[str, Any],
    request_id: str,
    tags: Iterable[str],
    attachments: tuple[Attachment, ...],
) -> Mail:
    substitutions: Mapping[str, str] = one.get("substitutions", {})
    parts = {part["type"].lower(): part["value"] + _added(document) for part in document.get("content", [])}
    raw = (one.get("subject", document.get("subject", "")), parts.get("text/plain"), parts.get("text/html"))
    done = [_substituted(text, substitutions.items()) for text in raw]
    backwards = [_substituted(text, list(substitutions.items())[::-1]) for text in raw]
    reply_to = document.get("reply_to") or next(iter(document.get("reply_to_list", [])), None)
    return Mail(
        request_id=request_id,
        to=tuple(Person(**person) for person in one["to"]),
        from_=Person(**one.get("from", document["from"])),
        reply_to=Person(**reply_to) if reply_to else None,
        subject=done[0] or "",
        text=done[1],
        html=done[2],
        headers={**document.get("headers", {}), **one.get("headers", {})},
        attachments=attachments,
        custom_args={**document.get("custom_args", {}), **one.get("custom_args", {})},
        left_tags=tuple(tag for tag in tags if any(tag in text for text in done if text)),
        ambiguous=done != backwards,
    )


def _substituted(text: str | None, substitutions: Iterable[tuple[str, str]]) -> str | None:
    """Plain replacement, tag after tag; so a value that holds a later tag is replaced in its turn."""
    if text is None:
        return None
    for tag, value in substitutions:
        text = text.replace(tag, value)
    return text


def _added(document: Mapping[str, Any]) -> str:
    return "".join(
        mark
        for name, (group, mark) in _ADDED.items()
        if document.get(group, {}).get(name, {}).get("enable") is not False
    )


def _attachment(one: Mapping[str, Any]) -> Attachment:
    return Attachment(
        filename=one["filename"],
        type=one.get("type", ""),
        disposition=one.get("disposition", "attachment"),
        content_id=one.get("content_id", ""),
        data=base64.b64decode(one["content"]),
    )
