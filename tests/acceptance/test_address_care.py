"""Misspelt, throw-away, shared and unreachable addresses: Findings of `check`, and never a silent repair."""

from typing import Any

import pytest

from tests.doubles.command_line import CommandLine
from tests.doubles.dns_server import dns_server

LETTER = "---\nsubject: Hello {{ first_name }}\n---\nDear {{ first_name }}\n\n[leave]({{ unsubscribe_url }})\n"
SETTINGS = 'zone = "Europe/Berlin"\n[sender]\nfrom = "Ada <ada@mergecast-fair.org>"\n'
ADDRESSES = (
    "ada@example.org", "bob@gmial.com", "cy@gmail.com", "di@gmial.com", "info@example.org", "noreply@example.org",
    "ed@mailinator.com", "flo@yahoo.con", "gil@mail.com", "hal@nowhere.example", "ida@null.example", "jo@host.example",
)  # fmt: skip
RECORDS = {
    **{
        (name, "MX"): f"10 mx.{name}."
        for name in ("example.org", "gmail.com", "gmial.com", "mailinator.com", "mail.com")
    },
    ("null.example", "MX"): "0 .",
    ("host.example", "A"): "192.0.2.1",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder = tmp_path_factory.mktemp("workspace")
    here = CommandLine(folder)
    here.run("init")
    (folder / "mergecast.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "templates" / "letter.md").write_text(LETTER, encoding="utf-8")
    rows = "".join(f"{address},{address.partition('@')[0].title()}\n" for address in ADDRESSES)
    (folder / "people.csv").write_text(f"email,first_name\n{rows}", encoding="utf-8")
    here.run("import", "people.csv", "--list", "people")
    here.run("create", "spring", "--template", "letter", "--list", "people")
    return here


def by_code(told: dict[str, Any], *codes: str) -> dict[tuple[str, str], tuple[int, list[int]]]:
    return {
        (one["code"], one["where"]): (one["rows"], one["first_rows"])
        for one in told["findings"]
        if one["code"] in codes
    }


def test_what_is_odd_about_addresses_is_said_with_counts_and_first_rows(here: CommandLine) -> None:
    told = here.json("check", "spring")
    codes = ("misspelt_domain", "disposable_domain", "role_address", "unread_address", "unreachable_domain")
    assert by_code(told, *codes) == {
        ("misspelt_domain", "gmial.com"): (2, [3, 5]),
        ("misspelt_domain", "yahoo.con"): (1, [9]),
        ("disposable_domain", "mailinator.com"): (1, [8]),
        ("role_address", ""): (1, [6]),
        ("unread_address", ""): (1, [7]),
    }
    assert {one["severity"] for one in told["findings"]} == {"warns"}
    said = here.run("check", "spring").out
    assert "gmial.com looks misspelt: did you mean gmail.com? (gmial.com)" in said
    assert "2 rows: 3, 5" in said


def test_nothing_is_repaired(here: CommandLine) -> None:
    assert here.json("check", "spring", "--rows", "rows.csv")["ready"] == len(ADDRESSES)
    assert [a in (here.folder / "rows.csv").read_text(encoding="utf-8") for a in ADDRESSES] == [True] * len(ADDRESSES)


def test_with_dns_each_domain_that_takes_no_mail_is_said(here: CommandLine) -> None:
    with dns_server(RECORDS) as server:
        asking = CommandLine(here.folder, {"MERGECAST_DNS": server})
        told = asking.json("check", "spring")
    assert by_code(told, "unreachable_domain", "domains_not_known") == {
        ("unreachable_domain", "nowhere.example"): (1, [11]),
        ("unreachable_domain", "null.example"): (1, [12]),
        ("unreachable_domain", "yahoo.con"): (1, [9]),
    }
    assert told["ready"] == len(ADDRESSES)


def test_a_resolver_that_does_not_answer_speaks_against_nobody(here: CommandLine) -> None:
    told = CommandLine(here.folder, {"MERGECAST_DNS": "127.0.0.1:9"}).json("check", "spring")  # the port of `discard`
    assert by_code(told, "unreachable_domain", "domains_not_known") == {("domains_not_known", ""): (0, [])}
    assert told["ready"] == len(ADDRESSES)


def test_a_resolver_that_cannot_be_is_refused(here: CommandLine) -> None:
    refused = CommandLine(here.folder, {"MERGECAST_DNS": "google"}).run("check", "spring", status=2)
    assert "'google' is no DNS resolver" in refused.err
    assert '"system"' in refused.err
