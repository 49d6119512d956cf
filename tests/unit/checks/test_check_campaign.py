from collections.abc import Iterable

import pytest

from campaigns.checks.senders import check_senders
from campaigns.checks.shapes import check_count, check_shape, check_way_out, facts_of
from campaigns.message.shape import UNSUBSCRIBE_URL, Escape, Hole, Shape
from campaigns.model.finding import Finding
from campaigns.model.states import CampaignKind, Severity

ADA = "Ada <ada@mail.test>"
WAY_OUT = Hole(UNSUBSCRIBE_URL, Escape.HTML_URL)


def said(findings: Iterable[Finding]) -> list[tuple[str, Severity]]:
    return [(finding.code, finding.severity) for finding in findings]


def test_a_sender_of_the_settings_is_fine_whatever_its_name_and_capitals() -> None:
    assert said(check_senders("The Team <ADA@mail.test>", "", [ADA], leaves=True)) == []


def test_no_sender_stops() -> None:
    assert said(check_senders("", "", [], leaves=False)) == [("no_sender", Severity.STOPS)]


def test_a_sender_that_the_settings_do_not_name_stops() -> None:
    assert said(check_senders("eve@mail.test", "", [ADA], leaves=False)) == [("foreign_sender", Severity.STOPS)]


def test_so_does_such_a_reply_to() -> None:
    [finding] = check_senders(ADA, "eve@mail.test", [ADA], leaves=False)
    assert (finding.code, finding.where) == ("foreign_sender", "Reply-To")


@pytest.mark.parametrize("domain", ["example.com", "mail.example.org", "shop.example", "EXAMPLE.net"])
def test_an_example_stops_where_mail_leaves_and_only_there(domain: str) -> None:
    sender = f"ada@{domain}"
    assert said(check_senders(sender, "", [sender], leaves=True)) == [("example_sender", Severity.STOPS)]
    assert said(check_senders(sender, "", [sender], leaves=False)) == []


def test_a_domain_that_only_ends_like_an_example_is_none() -> None:
    assert said(check_senders("ada@myexample.com", "", ["ada@myexample.com"], leaves=True)) == []


def shape_codes(shape: Shape, kind: CampaignKind = CampaignKind.BULK) -> list[str]:
    return [found.code for found in check_shape(shape, kind=kind, template="t.md")]


def test_mail_to_many_without_a_way_out_stops() -> None:
    assert shape_codes(Shape(("s",), ("t",), ("<p>",))) == ["no_unsubscribe"]


def test_the_way_out_must_stand_in_the_html_where_there_is_one() -> None:
    in_text = Hole(UNSUBSCRIBE_URL, Escape.PLAIN_URL)
    assert shape_codes(Shape(("s",), ("t", in_text), ("<p>",))) == ["no_unsubscribe"]
    assert shape_codes(Shape(("s",), ("t", in_text))) == []
    assert shape_codes(Shape(("s",), ("t",), ("<p>", WAY_OUT))) == []


def test_transactional_mail_needs_no_way_out() -> None:
    assert shape_codes(Shape(("s",), ("t",)), kind=CampaignKind.TRANSACTIONAL) == []


def test_a_way_out_by_mail_alone_is_a_warning() -> None:
    assert said(check_way_out(kind=CampaignKind.BULK, public_url="")) == [("unsubscribe_mailto", Severity.WARNS)]
    assert said(check_way_out(kind=CampaignKind.BULK, public_url="https://mail.test")) == [
        ("public_url_unserved", Severity.WARNS)
    ]
    assert said(check_way_out(kind=CampaignKind.TRANSACTIONAL, public_url="")) == []


def test_many_shapes_for_few_people_are_a_warning() -> None:
    assert said(check_count(101, 1_999, template="t.md")) == [("many_shapes", Severity.WARNS)]
    assert said(check_count(101, 2_020, template="t.md")) == []


def test_a_few_shapes_are_cheap_however_few_people_share_them() -> None:
    assert said(check_count(20, 30, template="t.md")) == []


def test_facts_tell_headers_and_repeats_apart() -> None:
    name = Hole(0, Escape.HTML)
    shape = Shape((Hole(1, Escape.PLAIN),), ("text",), ("é", name, name))
    facts = facts_of(shape)
    assert facts.header_slots == (1,)
    assert facts.html_bytes == 2
    assert facts.html_repeats == 2
