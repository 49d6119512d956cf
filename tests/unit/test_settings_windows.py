"""`window` and `holidays` in the settings: whose mail they hold, and what cannot be meant."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.errors import SettingsError
from campaigns.settings import load_settings

TEXT = """zone = "Europe/Berlin"
window = ["mon-fri 09:00-17:30", "08:00-20:00 recipient"]
holidays = "DE-BY, AT"
[transports.relay]
kind = "smtp"
host = "smtp.example.com"
window = "12:00-14:00 UTC"
holidays = "FR"
[transports.cloud]
kind = "sendgrid"
"""


def test_mail_that_reaches_people_waits_for_the_workspaces_windows_and_its_transports(tmp_path: Path) -> None:
    (tmp_path / "mergecast.toml").write_text(TEXT, encoding="utf-8")
    settings = load_settings(tmp_path, {})
    both = "mon-fri 09:00-17:30 Europe/Berlin; 08:00-20:00 recipient"
    assert str(settings.windows_of("relay", leaves=True)) == f"12:00-14:00 UTC; {both}"
    assert str(settings.windows_of("cloud", leaves=True)) == both
    assert str(settings.windows_of("relay", leaves=False)) == "12:00-14:00 UTC"
    assert not settings.windows_of("local", leaves=False)
    bastille, epiphany = (datetime(2027, month, day, 12, tzinfo=UTC) for month, day in ((7, 14), (1, 6)))
    assert not settings.windows_of("relay", leaves=False).is_open(bastille)
    through_cloud = settings.windows_of("cloud", leaves=True).for_recipient("Europe/Berlin")
    assert through_cloud.is_open(bastille)
    assert not through_cloud.is_open(epiphany)


def test_holidays_alone_hold_mail_on_those_days(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"MERGECAST_HOLIDAYS": "DE", "MERGECAST_ZONE": "Europe/Berlin"})
    christmas = datetime(2027, 12, 25, 3, tzinfo=UTC)
    assert settings.windows_of("local", leaves=True).next_opening(christmas) == datetime(2027, 12, 26, 23, tzinfo=UTC)
    several = load_settings(tmp_path, {"MERGECAST_WINDOW": "mon 09:00-10:00; 08:00-12:00"})
    assert str(several.windows_of("local", leaves=True)) == "mon 09:00-10:00 UTC; 08:00-12:00 UTC"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("window = 5", "“5” is no send window"),
        ('window = ["mon-fri"]\nholidays = "Bavaria"', "“Bavaria” is no country"),
        ('window = "09:00-10:00 Europa/Berlin"', "There is no time zone 'Europa/Berlin'"),
        ('[transports.local]\nkind = "maildir"\nwindow = "9-5"', "“9-5” is no send window"),
    ],
)
def test_what_is_no_window_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mergecast.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, {})
    assert said in caught.value.sentence
    assert caught.value.where.line == len(text.splitlines())
    assert caught.value.remedy
