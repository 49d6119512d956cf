"""What the double refuses: each limit with the last payload inside it and the first one beyond."""

import base64
import copy
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.doubles.sendgrid_fields import OPAQUE
from tests.doubles.sendgrid_rules import faults

Document = dict[str, Any]


def valid() -> Document:
    return {
        "personalizations": [
            {"to": [{"email": "ada@example.com", "name": "Ada"}], "custom_args": {"id": "1"}},
            {"to": [{"email": "grace@example.com"}], "substitutions": {"-x-": "y"}, "headers": {"X-One": "1"}},
        ],
        "from": {"email": "sender@example.com", "name": "Sender"},
        "reply_to": {"email": "answers@example.com"},
        "subject": "News",
        "content": [{"type": "text/plain", "value": "t"}, {"type": "text/html", "value": "h"}],
        "attachments": [{"content": "eA==", "filename": "a.txt", "type": "text/plain", "disposition": "attachment"}],
        "headers": {"List-ID": "<news.example.com>"},
        "custom_args": {"campaign": "spring"},
        "categories": ["news"],
        "tracking_settings": {"click_tracking": {"enable": False, "enable_text": False}},
        "mail_settings": {"sandbox_mode": {"enable": False}},
        "send_at": int(time.time()) + 60,
    }


def put(path: str, value: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        *way, last = path.split("/")
        inside: Any = document
        for step in way:
            inside = inside[int(step)] if isinstance(inside, list) else inside[step]
        inside[int(last) if isinstance(inside, list) else last] = value

    return change


def drop(name: str) -> Callable[[Document], None]:
    return lambda document: document.pop(name)


def people(count: int, start: int = 0) -> list[dict[str, str]]:
    return [{"email": f"p{n}@example.com"} for n in range(start, start + count)]


def each(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"to": [person], **more} for person in people(count)]


def both(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for one in changes:
            one(document)

    return change


def test_a_valid_document_has_no_faults() -> None:
    assert faults(valid()) == []


INSIDE = {
    "1000 personalizations": put("personalizations", each(1_000)),
    "1000 recipients": put("personalizations/0/cc", people(998)),
    "an address of 320": put("personalizations/0/to/0/email", "x" * 308 + "@example.com"),
    "a from name with a comma": put("from/name", "Sender, the; one"),
    "10,000 bytes of substitutions": put("personalizations/0/substitutions", {"-a-": "x" * 9_997}),
    "10,000 substitutions": put("personalizations", each(1_000, substitutions={f"-{n}-": "" for n in range(10)})),
    "10,000 bytes of custom_args": put("personalizations/0/custom_args", {"id": "x" * (10_000 - 2 - 14)}),
    "72 hours ahead": put("send_at", int(time.time()) + 72 * 3600 - 60),
    "in the past": put("send_at", 1),
    "10 categories": put("categories", [str(n) for n in range(10)]),
    "a category of 255": put("categories", ["x" * 255]),
    "a pool name of 64": put("ip_pool_name", "x" * 64),
    "25 groups": put("asm", {"group_id": 1, "groups_to_display": list(range(25))}),
    "AMP after html": put("content/1/type", "text/x-amp-html"),
    "a reply_to_list": both(drop("reply_to"), put("reply_to_list", people(1_000))),
    "every personalization with a subject": both(drop("subject"), put("personalizations", each(2, subject="Own"))),
    "a template without content": both(drop("content"), drop("subject"), put("template_id", "a-legacy-one")),
    "dynamic data": both(put("template_id", "d-1"), put("personalizations", each(1, dynamic_template_data={"a": [1]}))),
    "a Message-ID": put("personalizations/0/headers", {"Message-ID": "<1@example.com>"}),
    "an encoded word": put("personalizations/0/headers", {"X-Name": "=?utf-8?q?M=C3=BCller?="}),
    "own from of the same domain": put("personalizations/0/from", {"email": "other@EXAMPLE.com"}),
}


@pytest.mark.parametrize("change", INSIDE.values(), ids=INSIDE)
def test_what_lies_inside_a_limit_is_taken(change: Callable[[Document], None]) -> None:
    document = valid()
    change(document)
    assert faults(document) == []


BEYOND: dict[str, tuple[Callable[[Document], None], str | None]] = {
    "no personalizations": (drop("personalizations"), "personalizations"),
    "an empty list": (put("personalizations", []), "personalizations"),
    "1001 personalizations": (put("personalizations", each(1_001)), "personalizations"),
    "1001 recipients": (put("personalizations/0/cc", people(999)), "personalizations"),
    "no to": (put("personalizations/0", {}), "personalizations.0.to"),
    "an empty to": (put("personalizations/1/to", []), "personalizations.1.to"),
    "no address": (put("personalizations/1/to/0/email", "nobody"), "personalizations.1.to.0.email"),
    "two at signs": (put("personalizations/1/to/0/email", "a@b@example.com"), "personalizations.1.to.0.email"),
    "an address of 321": (
        put("personalizations/0/to/0/email", "x" * 309 + "@example.com"),
        "personalizations.0.to.0.email",
    ),
    "an address as text": (put("personalizations/0/to/0", "ada@example.com"), None),
    "a name with a comma": (put("personalizations/0/to/0/name", "Lovelace, Ada"), "personalizations.0.to.0.name"),
    "a name with a semicolon": (put("personalizations/0/to/0/name", "Ada; x"), "personalizations.0.to.0.name"),
    "an empty cc": (put("personalizations/0/cc", []), None),
    "one address in to and cc": (put("personalizations/0/cc", [{"email": "ADA@example.com"}]), "personalizations.0"),
    "one address in two personalizations": (
        put("personalizations/1/to/0/email", "ADA@example.com"),
        "personalizations",
    ),
    "own from of another domain": (
        put("personalizations/0/from", {"email": "a@example.org"}),
        "personalizations.0.from.email",
    ),
    "an empty own subject": (put("personalizations/0/subject", ""), "personalizations.0.subject"),
    "a subject that is a number": (put("personalizations/0/subject", 5), "personalizations.0.subject"),
    "substitutions as a list": (put("personalizations/0/substitutions", []), "personalizations.0.substitutions"),
    "a substitution that is a number": (put("personalizations/0/substitutions", {"-a-": 1}), None),
    "10,001 bytes of substitutions": (
        put("personalizations/0/substitutions", {"-a-": "x" * 9_998}),
        "personalizations.0.substitutions",
    ),
    "10,001 bytes of UTF-8": (
        put("personalizations/0/substitutions", {"-aa-": "é" * 4_998 + "xx"}),
        "personalizations.0.substitutions",
    ),
    "10,001 substitutions": (
        put(
            "personalizations",
            [
                *each(999, substitutions={f"-{n}-": "" for n in range(10)}),
                *[{"to": people(1, 999), "substitutions": {f"-{n}-": "" for n in range(11)}}],
            ],
        ),
        "personalizations.substitutions",
    ),
    "substitutions with a dynamic template": (put("template_id", "d-1"), "personalizations.1.substitutions"),
    "dynamic data without one": (
        put("personalizations/0/dynamic_template_data", {}),
        "personalizations.0.dynamic_template_data",
    ),
    "a custom arg that is a number": (put("personalizations/0/custom_args", {"id": 1}), None),
    "custom args as text": (put("custom_args", "id=1"), None),
    "no custom args in the object": (put("personalizations/0/custom_args", {}), "personalizations.0.custom_args"),
    "10,001 bytes of custom_args": (
        put("personalizations/0/custom_args", {"id": "x" * (10_000 - 2 - 14 + 1)}),
        "personalizations.0.custom_args",
    ),
    "a header that is a number": (put("headers", {"X-A": 1}), "headers"),
    "one header in two cases": (put("headers", {"X-A": "1", "x-a": "2"}), "headers"),
    "a header with a blank": (put("headers", {"X A": "1"}), "headers.X A"),
    "a header with a letter beyond ASCII": (put("headers", {"X-Ä": "1"}), "headers.X-Ä"),
    "a value with a letter beyond ASCII": (
        put("personalizations/0/headers", {"X-A": "ä"}),
        "personalizations.0.headers.X-A",
    ),
    "a value with a line end": (put("headers", {"X-A": "a\r\nBcc: b"}), "headers.X-A"),
    **{
        f"reserved: {name}": (put("personalizations/0/headers", {name: "1"}), f"personalizations.0.headers.{name}")
        for name in (
            "x-sg-id",
            "x-sg-eid",
            "received",
            "dkim-signature",
            "Content-Type",
            "Content-Transfer-Encoding",
            "To",
            "From",
            "Subject",
            "Reply-To",
            "CC",
            "BCC",
        )
    },
    "no from": (drop("from"), "from"),
    "from as text": (put("from", "a@example.com"), None),
    "a from beyond ASCII": (put("from/email", "ä@example.com"), "from.email"),
    "a bad reply_to": (put("reply_to", {"name": "x"}), "reply_to.email"),
    "reply_to and a list": (put("reply_to_list", people(1)), "reply_to_list"),
    "one address twice in the reply_to_list": (
        both(drop("reply_to"), put("reply_to_list", people(1) * 2)),
        "reply_to_list",
    ),
    "1001 in the reply_to_list": (both(drop("reply_to"), put("reply_to_list", people(1_001))), "reply_to_list"),
    "no subject": (drop("subject"), "subject"),
    "an empty subject": (put("subject", ""), "subject"),
    "a subject in one of two": (both(drop("subject"), put("personalizations/0/subject", "Own")), "subject"),
    "no content": (drop("content"), "content"),
    "an empty content": (put("content", []), "content"),
    "an empty value": (put("content/0/value", ""), "content.0.value"),
    "no type": (put("content/1", {"value": "x"}), "content.1.type"),
    "a type with a charset": (put("content/1/type", "text/html; charset=utf-8"), "content.1.type"),
    "html before text": (
        put("content", [{"type": "text/html", "value": "h"}, {"type": "text/plain", "value": "t"}]),
        "content",
    ),
    "something before text": (
        put("content", [{"type": "text/calendar", "value": "c"}, {"type": "text/plain", "value": "t"}]),
        "content",
    ),
    "two texts": (put("content/1/type", "text/plain"), "content"),
    "an attachment that is no base64": (put("attachments/0/content", "not base64!"), "attachments.0.content"),
    "base64 in lines": (
        put("attachments/0/content", base64.encodebytes(b"x" * 100).decode()),
        "attachments.0.content",
    ),
    "an empty attachment": (put("attachments/0/content", ""), "attachments.0.content"),
    "an attachment without a name": (put("attachments/0", {"content": "eA=="}), "attachments.0.filename"),
    "a file name with a comma": (put("attachments/0/filename", "a,b.txt"), "attachments.0.filename"),
    "a type with a semicolon": (put("attachments/0/type", "text/plain;x"), "attachments.0.type"),
    "a content id with a line end": (put("attachments/0/content_id", "a\nb"), "attachments.0.content_id"),
    "a disposition of its own": (put("attachments/0/disposition", "form-data"), "attachments.0.disposition"),
    "73 hours ahead": (put("send_at", int(time.time()) + 73 * 3600), "send_at"),
    "a time as text": (put("personalizations/0/send_at", "tomorrow"), "personalizations.0.send_at"),
    "11 categories": (put("categories", [str(n) for n in range(11)]), "categories"),
    "one category twice": (put("categories", ["a", "a"]), "categories"),
    "a category of 256": (put("categories", ["x" * 256]), "categories"),
    "a category beyond ASCII": (put("categories", ["ä"]), "categories"),
    "a category that is a number": (put("categories", [1]), "categories"),
    "a short pool name": (put("ip_pool_name", "x"), "ip_pool_name"),
    "a batch id that is a number": (put("batch_id", 1), "batch_id"),
    "no group id": (put("asm", {}), "asm.group_id"),
    "26 groups": (put("asm", {"group_id": 1, "groups_to_display": list(range(26))}), "asm.groups_to_display"),
    "a switch as text": (
        put("mail_settings/sandbox_mode/enable", "true"),
        "mail_settings.sandbox_mode.enable",
    ),
    "two bypasses": (
        put(
            "mail_settings",
            {"bypass_list_management": {"enable": True}, "bypass_spam_management": {"enable": True}},
        ),
        "mail_settings",
    ),
    "an unknown field": (put("sub", {}), "sub"),
    "an unknown field in a personalization": (put("personalizations/0/sub", {}), "personalizations.0"),
    "an unknown field in a person": (put("personalizations/0/to/0/phone", "1"), "personalizations.0.to.0"),
    "an unknown setting": (put("tracking_settings/clicks", {}), "tracking_settings"),
    "an unknown key of a setting": (
        put("tracking_settings/click_tracking/on", True),
        "tracking_settings.click_tracking",
    ),
}


@pytest.mark.parametrize(("change", "field"), BEYOND.values(), ids=BEYOND)
def test_what_lies_beyond_a_limit_is_refused_at_its_field(
    change: Callable[[Document], None], field: str | None
) -> None:
    document = valid()
    change(document)
    found = faults(document)
    assert {fault.field for fault in found} == {field}
    if field is None:
        assert found == [OPAQUE]


def test_as_many_faults_as_possible_are_named() -> None:
    document = valid()
    document["personalizations"][0]["to"][0]["email"] = "nobody"
    document["personalizations"][1]["to"][0]["email"] = "nowhere"
    document["content"][0]["value"] = ""
    assert [fault.field for fault in faults(document)] == [
        "personalizations.0.to.0.email",
        "personalizations.1.to.0.email",
        "content.0.value",
    ]


@pytest.mark.parametrize("document", [None, [], "x", 5, {"personalizations": {}}, {"personalizations": [1]}])
def test_anything_at_all_can_be_judged(document: Any) -> None:
    assert faults(document)


def test_judging_changes_nothing() -> None:
    document = valid()
    before = copy.deepcopy(document)
    faults(document)
    assert document == before
