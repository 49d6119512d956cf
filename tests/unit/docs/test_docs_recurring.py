"""docs/recurring.md: each rule that it shows can be read, its words are the options' own, its settings load."""

import tomllib

import pytest

from campaigns.model.late import Late
from campaigns.model.recurrence import Recurrence
from campaigns.model.series import Whom
from campaigns.settings import Settings
from tests.doubles import pages

PAGE = pages.page("docs/recurring.md")
TABLES = {table[0][0].strip("`"): [row[0].strip("`") for row in table[1:]] for table in pages.tables(PAGE)}


@pytest.mark.parametrize("rule", TABLES["--every"])
def test_each_rule_of_the_page_can_be_read(rule: str) -> None:
    assert Recurrence.parse(rule.strip('"'), "Europe/Berlin").text in rule


def test_the_words_of_the_page_are_those_of_the_options() -> None:
    assert sorted(TABLES["--to"]) == sorted(Whom)
    assert sorted(TABLES["--late"]) == sorted(Late)


def test_the_settings_of_the_page_load() -> None:
    (block,) = (block.text for block in pages.blocks(PAGE, "toml"))
    inbox = Settings.model_validate(tomllib.loads(block)).inbox
    assert [(pattern, rule.list) for pattern, rule in inbox.rules.items()] == [
        ("customers*.xlsx", "customers"),
        ("guests*", "guests"),
    ]
