"""What the settings ask of SendGrid stands in every request, and the strict rules take it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.transports.sendgrid_options import Options
from scheduler.transports.sendgrid_request import requests
from tests.doubles.sendgrid_mails import mails
from tests.doubles.sendgrid_messages import SENDER, a_message
from tests.doubles.sendgrid_rules import faults

PAGES = replace(SENDER, public_url="https://mail.example.org")
OPTIONS = st.builds(
    Options,
    sandbox=st.booleans(),
    categories=st.lists(st.text("abc-_ 19", min_size=1), max_size=10, unique=True).map(tuple),
    asm_group=st.none() | st.integers(1, 10**6),
    ip_pool=st.just("") | st.text("abc", min_size=2, max_size=64),
    track_clicks=st.booleans(),
    track_opens=st.booleans(),
    analytics=st.dictionaries(st.sampled_from(["source", "medium", "term", "content", "campaign"]), st.text("ab")),
)


def document(options: Options, people: int = 2) -> dict[str, Any]:
    (request,) = requests([a_message(n, sender=PAGES) for n in range(1, people + 1)], options)
    read: dict[str, Any] = json.loads(request.body)
    return read


@settings(max_examples=50)
@given(OPTIONS, st.integers(1, 2))
def test_whatever_is_set_is_taken(options: Options, people: int) -> None:
    assert faults(document(options, people)) == []


def test_each_option_has_its_place() -> None:
    read = document(Options(True, ("fair", "spring"), None, "bulk", True, True, {"source": "fair"}))
    assert read["mail_settings"]["sandbox_mode"] == {"enable": True}
    assert (read["categories"], read["ip_pool_name"]) == (["fair", "spring"], "bulk")
    assert read["tracking_settings"] == {
        "click_tracking": {"enable": True, "enable_text": False},
        "open_tracking": {"enable": True},
        "subscription_tracking": {"enable": False},
        "ganalytics": {"enable": True, "utm_source": "fair"},
    }


def test_nothing_set_is_said_too() -> None:
    read = document(Options())
    assert read["mail_settings"] == {"footer": {"enable": False}}
    assert not any(setting["enable"] for setting in read["tracking_settings"].values())
    assert not {"categories", "asm", "ip_pool_name"} & read.keys()


@pytest.mark.parametrize("people", [1, 2])
def test_with_a_group_sendgrid_alone_writes_list_unsubscribe(people: int) -> None:
    ours, theirs = document(Options(), people), document(Options(asm_group=7), people)
    assert theirs["asm"] == {"group_id": 7}
    for read, there in ((ours, True), (theirs, False)):
        for mail in mails(read, "id"):
            assert ("List-Unsubscribe" in mail.headers, "List-Unsubscribe-Post" in mail.headers) == (there, there)
            assert "Message-ID" in mail.headers
