import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.checks.addresses import AddressCare, is_throwaway, meant_domain
from campaigns.model.finding import Finding
from tests.doubles.people import people


def found(*addresses: str) -> dict[str, Finding]:
    care = AddressCare()
    care.look(people(addresses))
    return {f"{finding.code} {finding.where}".strip(): finding for finding in care.findings()}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gamil.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmail.cm", "gmail.com"),
        ("gmial.con", "gmail.com"),
        ("gmial.cmo", "gmail.com"),
        ("gmial.co", "gmail.com"),
        ("hotmial.cm", "hotmail.com"),
        ("t-onlin.ed", "t-online.de"),
        ("hotmial.com", "hotmail.com"),
        ("yaho.com", "yahoo.com"),
        ("outlok.de", "outlook.de"),
        ("t-onlin.de", "t-online.de"),
        ("orang.fr", "orange.fr"),
        ("acme.con", "acme.com"),
        ("gmx.dee", "gmx.de"),
    ],
)
def test_a_slip_of_the_finger_is_answered_with_what_was_meant(typed: str, meant: str) -> None:
    assert meant_domain(typed) == meant


@pytest.mark.parametrize(
    "real",
    [
        "gmail.com", "mail.com", "email.com", "cloud.com", "gmail.de", "outlook.dk", "yahoo.ie", "yahoo.co.jp",
        "hotmail.be", "gmx.at", "web.at", "wbe.de", "gnx.de", "live.ca", "example.com", "acme.co", "acme.cm", "gmall.co", "cloud.co", "email.co",
        "mail.gmail.com", "xn--gmal-zpa.com", "aon.com", "localhost", "",
    ],
)  # fmt: skip
def test_real_domains_are_no_slips(real: str) -> None:
    assert meant_domain(real) == ""


PLACES = st.integers(0, 100)


@settings(deadline=None)
@given(st.sampled_from(["gmail.com", "hotmail.com", "googlemail.com", "freenet.de"]), PLACES, st.sampled_from("xq"))
def test_any_one_slip_in_a_provider_s_name_is_found(provider: str, place: int, letter: str) -> None:
    label, _, ending = provider.partition(".")
    at = place % len(label)
    swapped = label[:at] + label[at : at + 2][::-1] + label[at + 2 :]
    for slip in (label[:at] + letter + label[at:], label[:at] + letter + label[at + 1 :], swapped):
        typed = f"{slip}.{ending}"
        if typed != provider and typed != "qmail.com":
            assert meant_domain(typed) == provider, typed


@settings(deadline=None)
@given(st.text(string.ascii_lowercase + ".-", min_size=1, max_size=20))
def test_whatever_stands_there_is_judged(name: str) -> None:
    assert meant_domain(name) != name


def test_a_misspelt_domain_is_said_once_with_its_rows() -> None:
    said = found("ada@gmial.com", "bob@gmail.com", "cy@gmial.com", "di@hotmial.com")
    assert list(said) == ["misspelt_domain gmial.com", "misspelt_domain hotmial.com"]
    finding = said["misspelt_domain gmial.com"]
    assert finding.sentence == "gmial.com looks misspelt: did you mean gmail.com?"
    assert (finding.rows, finding.first_rows) == (2, (2, 4))


def test_a_domain_that_many_share_is_a_company_of_its_own() -> None:
    assert found(*(f"p{n}@gmaul.com" for n in range(30)), "ada@gmail.com") == {}


def test_a_slip_stays_one_in_a_list_where_thousands_have_the_provider() -> None:
    said = found(*(f"p{n}@gmial.com" for n in range(30)), *(f"q{n}@gmail.com" for n in range(3_000)))
    assert said["misspelt_domain gmial.com"].rows == 30


def test_many_misspelt_domains_share_one_finding_at_last() -> None:
    said = found(*(f"ada@shop{n:02}.con" for n in range(25)))
    assert len(said) == 21
    rest = said["misspelt_domain shop20.con, shop21.con, shop22.con, shop23.con, shop24.con"]
    assert (rest.rows, rest.first_rows) == (5, (22, 23, 24, 25, 26))


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("mailinator.com", True),
        ("eu.mailinator.com", True),
        ("duck.com", False),
        ("example.com", False),
        ("com", False),
    ],
)
def test_services_for_throw_away_addresses_are_known(name: str, is_one: bool) -> None:
    assert is_throwaway(name) is is_one


def test_throw_away_domains_share_a_finding_that_names_them() -> None:
    said = found("a@mailinator.com", "b@yopmail.com", "c@mailinator.com", "d@example.com")
    assert list(said) == ["disposable_domain mailinator.com, yopmail.com"]
    [finding] = said.values()
    assert (finding.rows, finding.first_rows) == (3, (2, 3, 4))


def test_noreply_is_said_apart_from_info() -> None:
    said = found(
        "info@example.com", "büro@example.com", "noreply@example.com", "abuse@example.org", "informant@example.org"
    )
    assert {code: (finding.rows, finding.first_rows) for code, finding in said.items()} == {
        "unread_address": (2, (4, 5)),
        "role_address": (2, (2, 3)),
    }


def test_pages_add_up() -> None:
    care = AddressCare()
    everybody = people(f"{part}@{domain}" for part in ("info", "ada") for domain in ("gmial.com", "example.com") * 600)
    for start in range(0, len(everybody), 100):
        care.look(everybody[start : start + 100])
    role, *more = sorted(care.findings(), key=lambda finding: finding.code, reverse=True)
    assert (role.code, role.rows, role.first_rows) == ("role_address", 1_200, (2, 3, 4, 5, 6))
    assert more == []  # 1,200 people at gmial.com and nobody at gmail.com


def test_as_many_rows_are_named_as_are_asked_for() -> None:
    care = AddressCare(rows_named=1_000)
    care.look(people(["ada@gmial.com", "info@mailinator.com"] * 8))
    named = {finding.code: finding.first_rows for finding in care.findings()}
    odd, even = tuple(range(2, 18, 2)), tuple(range(3, 18, 2))
    assert named == {"misspelt_domain": odd, "disposable_domain": even, "role_address": even}
