"""`warm_up` of transports and senders, as it stands in the settings and on its page."""

import re
from pathlib import Path

import pytest

from campaigns.errors import SettingsError
from campaigns.settings import Settings, load_settings

PAGE = Path(__file__).parents[2] / "docs" / "warm-up.md"
RELAY = '[transports.relay]\nkind = "smtp"\nhost = "mail.example.com"\n'


def read(folder: Path, text: str, **env: str) -> Settings:
    (folder / "mergecast.toml").write_text(text, encoding="utf-8")
    return load_settings(folder, env)


def test_the_page_shows_settings_that_can_be_read(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    settings = read(tmp_path, f'zone = "Europe/Berlin"\n{example[1]}')
    table = settings.warm_up_of("relay")
    assert table is not None
    assert (table.name, table.zone, len(table.steps)) == ("daily", "Europe/Berlin", 17)
    assert list(map(str, settings.all_limits.warm_ups["ada@example.com"].steps)) == [
        "50/d", "100/d", "500/d", "1000/d", "5000/d",
    ]  # fmt: skip


def test_a_list_and_the_environment_are_read_and_rehearsals_have_none(tmp_path: Path) -> None:
    text = (
        f'{RELAY}warm_up = ["5/d", "10/d"]\n[transports.cloud]\nkind = "sendgrid"\nwarm_up = "sendgrid"\nsandbox = true'
    )
    settings = read(tmp_path, text)
    assert str(settings.warm_up_of("relay")) == "5/d, 10/d UTC"
    assert settings.warm_up_of("cloud") is None
    assert settings.warm_up_of("local") is None
    settings = read(tmp_path, RELAY, MERGECAST_TRANSPORTS__RELAY__WARM_UP="daily Europe/Berlin")
    assert str(settings.warm_up_of("relay")) == "daily Europe/Berlin"
    assert read(tmp_path, f'{RELAY}warm_up = ""').warm_up_of("relay") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{RELAY}warm_up = "quickly"', "“quickly” is no step"),
        (f"{RELAY}warm_up = true", "warm_up"),
        ('[limits."gmail.com"]\nwarm_up = "daily"', "gmail.com has a warm-up, which only what sends can have."),
        ('[transports.mine]\nkind = "maildir"\nwarm_up = "daily"', "warm_up"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)
    assert said in refused.value.sentence + str(refused.value.where)
    assert refused.value.remedy
