"""Recipient-domain groups: ours, and what a workspace adds."""

import pytest

from campaigns.errors import UsageError
from campaigns.model.canary import Canary
from campaigns.model.domain_group import Limits, folded_domain, known_groups, own_domains
from campaigns.model.pause_above import LastMails, PauseAbove


@pytest.mark.parametrize(
    ("domain", "group"),
    [
        ("gmail.com", "gmail.com"),
        ("googlemail.com", "gmail.com"),
        ("hotmail.co.uk", "outlook.com"),
        ("aol.com", "yahoo.com"),
        ("me.com", "icloud.com"),
        ("web.de", "gmx.net"),
        ("example.com", None),
        ("mail.gmail.com", None),
    ],
)
def test_domains_count_together_where_the_same_servers_take_their_mail(domain: str, group: str | None) -> None:
    assert known_groups().get(domain) == group


def test_every_domain_of_ours_is_one_and_is_named_by_its_group_too() -> None:
    for domain, group in known_groups().items():
        assert folded_domain(domain) == domain
        assert known_groups()[group] == group


def test_a_workspace_adds_groups_and_domains() -> None:
    limits = Limits(own_domains={**own_domains("school.example", ["Pupils.school.example"]), "x.example": "gmail.com"})
    groups = limits.group_of()
    assert groups["pupils.school.example"] == groups["school.example"] == "school.example"
    assert (groups["x.example"], groups["gmail.com"]) == ("gmail.com", "gmail.com")


@pytest.mark.parametrize("name", ["googlemail.com", "gmail", "a b.example", "-", ""])
def test_what_is_no_group_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"counts together with gmail\.com|is no domain"):
        own_domains(name, [])


def test_letters_of_all_scripts_are_folded_as_addresses_are() -> None:
    assert folded_domain("Bücher.example") == "xn--bcher-kva.example"


@pytest.mark.parametrize(("text", "mails"), [("1%", 10), ("0.5 %", 5), ("0.001%", 1), ("500", 500), ("1,000", 1000)])
def test_a_canary_is_a_share_or_a_number(text: str, mails: int) -> None:
    canary = Canary.read(text, "1h 30min")
    assert canary is not None
    assert (canary.of(1000), canary.hold) == (mails, 5400)


@pytest.mark.parametrize(
    ("text", "hold"), [("0%", None), ("0", None), ("100%", None), ("all", None), ("1%", "soon"), ("1%", "0min")]
)
def test_what_is_no_canary_is_refused(text: str, hold: str | None) -> None:
    with pytest.raises(UsageError):
        Canary.read(text, hold)


@pytest.mark.parametrize(("text", "same"), [("10%", "10%"), ("2.5 % of 1000", "2.5% of 1000"), ("5% of 200", "5%")])
def test_a_share_reads_back_as_it_was_written(text: str, same: str) -> None:
    assert str(PauseAbove.parse(text)) == same


@pytest.mark.parametrize("text", ["", "10", "0%", "100%", "10% of 5", "ten"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no share"):
        PauseAbove.parse(text)


def test_too_many_are_more_than_the_share_of_the_last_ones() -> None:
    last = LastMails(PauseAbove.parse("10% of 100"))
    for _ in range(10):
        last.add(True)
    assert not last.too_many
    last.add(True)
    assert last.too_many
    for _ in range(90):
        last.add(False)
    assert (last.bad, last.seen, last.too_many) == (10, 100, False)  # the first has gone out of sight
