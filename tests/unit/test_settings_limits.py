"""`[limits]` in the settings: groups, senders, and what cannot be meant."""

from pathlib import Path

import pytest

from campaigns.errors import SettingsError
from campaigns.settings import Settings, load_settings


def read(folder: Path, text: str) -> Settings:
    (folder / "mergecast.toml").write_text(text, encoding="utf-8")
    return load_settings(folder, {})


def test_groups_and_senders_have_limits(tmp_path: Path) -> None:
    limits = read(
        tmp_path,
        '[limits."gmail.com"]\nthrottle = ["20/min", "5000/d"]\n'
        '[limits."school.example"]\nthrottle = "5/min"\ndomains = ["pupils.school.example"]\n'
        '[limits."Ada@example.com"]\nthrottle = "500/d"\n',
    ).all_limits
    assert {name: [str(one) for one in throttles] for name, throttles in limits.groups.items()} == {
        "gmail.com": ["20/min", "5000/d"],
        "school.example": ["5/min"],
    }
    assert [str(one) for one in limits.senders["ada@example.com"]] == ["500/d"]
    assert limits.group_of()["pupils.school.example"] == "school.example"
    assert limits.group_of()["googlemail.com"] == "gmail.com"


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ('[limits."googlemail.com"]\nthrottle = "5/s"', "counts together with gmail.com", 1),
        ('[limits.gmail]\nthrottle = "5/s"', "is no domain", 1),
        ('[limits."a.example"]\nthrotle = "5/s"', "There is no setting limits.a.example.throtle", 2),
        ('[limits."a.example"]\nthrottle = "fast"', "“fast” is no throttle", 2),
        ('[limits."ada@a.example"]\ndomains = ["b.example"]', "has domains", 1),
        ('[limits."a.example"]\n[limits."b.example"]\ndomains = ["a.example"]', "stands in the limits of", 2),
        ("[limits]\nx = 1", "limits.x is a table", 2),
        ('pause_above = "ten"', "no share of a campaign's last mails", 1),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_place(tmp_path: Path, text: str, said: str, line: int) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert said in caught.value.sentence
    assert caught.value.where.line == line
    assert caught.value.remedy
