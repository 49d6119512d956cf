"""docs/times.md: each time, each window and the settings that it shows are read."""

import tomllib
from datetime import UTC, datetime

import pytest

from campaigns.model.late import Late
from campaigns.model.recipient_zone import zone_of
from campaigns.model.send_window import SendWindow
from campaigns.model.when import parse_when
from campaigns.settings import Settings
from tests.doubles import pages

PAGE = pages.page("docs/times.md")
WHEN, HOURS = (block.text.splitlines() for block in pages.blocks(PAGE, "text"))
NOW = datetime(2026, 11, 29, 20, tzinfo=UTC)


@pytest.mark.parametrize("text", WHEN)
def test_each_time_can_be_typed(text: str) -> None:
    assert parse_when(text, "Europe/Berlin", NOW).at >= NOW


@pytest.mark.parametrize("text", HOURS)
def test_each_window_can_be_typed(text: str) -> None:
    assert SendWindow.parse(text).hours


def test_the_settings_are_settings_and_what_tells_a_zone_tells_one() -> None:
    [settings] = pages.blocks(PAGE, "toml")
    assert Settings.model_validate(tomllib.loads(settings.text)).windows_of("relay", leaves=True)
    for text in (
        "Europe/Berlin",
        "UTC+2",
        "DE",
        "Germany",
        "Deutschland",
        "Allemagne",
        "+49 30 1234567",
        "0049 30 1234567",
    ):
        assert text in PAGE
        assert zone_of(text)
    assert zone_of("USA") is None


def test_all_that_late_mail_may_become_is_told() -> None:
    table = next(table for table in pages.tables(PAGE) if table[0][0] == "`--late`")
    assert [row[0].strip("`") for row in table[1:]] == ["ask", "send", "next-window", "expire"]
    assert {str(one) for one in Late} == {row[0].strip("`") for row in table[1:]}
