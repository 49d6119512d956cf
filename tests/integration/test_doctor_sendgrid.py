"""What `doctor` asks SendGrid, and what it makes of the answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campaigns.actions.doctor import Check, CheckState
from campaigns.settings import Settings
from campaigns.workspace import Workspace
from scheduler.probe import probes
from tests.doubles.sendgrid_double import KEY, SendgridDouble

SENDER = "Ada <ada@mail.mergecast-fair.org>"
CREDITS, SENDERS, DOMAINS = "/v3/user/credits", "/v3/verified_senders", "/v3/whitelabel/domains?limit=500"


@pytest.fixture(scope="module")
def double() -> Iterator[SendgridDouble]:
    with SendgridDouble.in_thread() as running:
        yield running


def looked(url: str, key: str = KEY, **settings: Any) -> Check:
    table = {"kind": "sendgrid", "base_url": url, "api_key": key, **settings}
    asked = Settings.model_validate({"sender": {"from": SENDER}, "transports": {"cloud": table}})
    probe = dict(zip(asked.transports, probes(Workspace(Path("/"), asked)), strict=True))["cloud"]
    return probe()[0]


def told(double: SendgridDouble, **answers: Any) -> Check:
    """What is said when SendGrid answers so; None: the key may not ask."""
    names = {"scopes": "/v3/scopes", "credits": CREDITS, "senders": SENDERS, "domains": DOMAINS}
    double.account = {"/v3/scopes": {"scopes": ["mail.send"]}, CREDITS: None, SENDERS: None, DOMAINS: None}
    double.account |= {names[name]: answer for name, answer in answers.items()}
    return looked(double.url)


def test_a_key_that_may_only_send(double: SendgridDouble) -> None:
    check = told(double)
    assert (check.state, check.sentence) == (
        CheckState.GOOD,
        (
            "127.0.0.1 answers, and the key may send; the key may not see whether ada@mail.mergecast-fair.org is a "
            "verified sender."
        ),
    )


def test_all_is_said_that_the_key_may_know(double: SendgridDouble) -> None:
    check = told(
        double,
        credits={"remain": 4_200, "total": 40_000, "next_reset": "2026-12-01"},
        senders={"results": [{"from_email": "Ada@Mail.mergecast-fair.org", "verified": True}]},
        domains=[],
    )
    assert (check.state, check.sentence) == (
        CheckState.GOOD,
        (
            "127.0.0.1 answers, and the key may send as ada@mail.mergecast-fair.org; 4,200 credits are left until "
            "2026-12-01."
        ),
    )


def test_the_sandbox_is_named(double: SendgridDouble) -> None:
    told(double)
    assert "its sandbox delivers nothing" in looked(double.url, sandbox=True).sentence


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"scopes": {"scopes": ["stats.read"]}}, "The key may not send mail."),
        ({"credits": {"remain": 0}}, "No credits are left at SendGrid: it would take nothing."),
        (
            {"senders": {"results": [{"from_email": "ada@mail.mergecast-fair.org", "verified": False}]}, "domains": []},
            "SendGrid knows no verified sender ada@mail.mergecast-fair.org, nor its domain: it would refuse every mail.",
        ),
    ],
)
def test_what_is_wrong(double: SendgridDouble, answers: dict[str, Any], words: str) -> None:
    check = told(double, **answers)
    assert (check.state, check.sentence, bool(check.remedy)) == (CheckState.BAD, words, True)


def test_a_domain_vouches_for_those_below_it_and_no_other(double: SendgridDouble) -> None:
    none = {"results": []}
    for domain, good in (("mergecast-fair.org", True), ("mail.mergecast-fair.org", True), ("fair.org", False)):
        check = told(double, senders=none, domains=[{"domain": domain, "valid": True}])
        assert (check.state is CheckState.GOOD) is good


def test_answers_that_say_nothing_are_no_answers(double: SendgridDouble) -> None:
    check = told(double, credits=["?"], senders="?", domains={"a": 1})
    assert check.state is CheckState.GOOD


def test_a_wrong_key_and_no_service(double: SendgridDouble, unused_tcp_port: int) -> None:
    told(double)
    assert looked(double.url, key="SG.wrong").sentence == "SendGrid does not know the key."
    assert "cannot be reached" in looked(f"http://127.0.0.1:{unused_tcp_port}").sentence
