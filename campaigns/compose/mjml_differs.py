"""Where a mail looks otherwise than the MJML compiler would make it, as `mjml_differs.toml` lists it."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from campaigns.compose.found import Found
from campaigns.compose.mjml_attributes import Attributes
from campaigns.compose.tags import Token
from campaigns.model.states import Severity


def in_tag(mjml: str, tag: Token, name: str, effective: Attributes) -> Iterator[Found]:
    """What is drawn otherwise of this tag, with all attributes that hold for it."""
    for rule in _rules().get(name, ()):
        beside = rule.get("beside", {}).items()
        if not all(_matches(pattern, effective.get(key, "")) for key, pattern in beside):
            continue
        for key in rule["names"]:
            value = effective.get(key)
            if value is not None and _matches(rule.get("value", ".*"), value):
                sentence = (
                    f'{key}="{value[:40]}" in <{name}> looks otherwise than in the MJML compiler: {rule["says"]}.'
                )
                yield _found("mjml_differs", mjml, tag, sentence, rule["remedy"])


def _matches(pattern: str, value: str) -> bool:
    return bool(re.fullmatch(pattern, value.strip(), re.DOTALL))


def without_html_attributes(mjml: str, tag: Token) -> Found:
    return _found(
        "mjml_differs",
        mjml,
        tag,
        "<mj-html-attributes> is not read here: its attributes are missing in the mail.",
        "Write them where they belong: into the HTML of <mj-text> or <mj-raw>, or as css-class, alt and title.",
    )


class Fonts:
    """Which fonts tags name, and which of them a mail program is told to load."""

    def __init__(self) -> None:
        self._named: dict[str, Token] = {}
        self._loaded: set[str] = set()

    def look(self, tag: Token, name: str, effective: Attributes) -> None:
        if name == "mj-font":
            self._loaded.add(effective.get("name", "").lower())
        for family in effective.get("font-family", "").split(","):
            self._named.setdefault(family.strip(" '\"").lower(), tag)

    def not_loaded(self, mjml: str) -> Iterator[Found]:
        """The compiler would have mail programs fetch these."""
        for font in _table()["font"]:
            tag = self._named.get(font["name"].lower())
            if tag is not None and font["name"].lower() not in self._loaded:
                yield _found(
                    "font_not_loaded",
                    mjml,
                    tag,
                    f"{font['name']} is not fetched from Google's servers: who does not have it sees the next font.",
                    f'To have it fetched, write <mj-font name="{font["name"]}" href="{font["href"]}" /> in <mj-head>.',
                )


def _found(code: str, mjml: str, tag: Token, sentence: str, remedy: str) -> Found:
    words = mjml[tag.start : tag.end]
    return Found(code, Severity.WARNS, sentence, remedy, words=words, nth=mjml.count(words, 0, tag.start))


@cache
def _table() -> dict[str, list[dict[str, Any]]]:
    table: dict[str, list[dict[str, Any]]] = tomllib.loads(
        Path(__file__).with_name("mjml_differs.toml").read_text(encoding="utf-8")
    )
    return table


@cache
def _rules() -> dict[str, list[dict[str, Any]]]:
    rules: dict[str, list[dict[str, Any]]] = {}
    for rule in _table()["attribute"]:
        for tag in rule["tags"]:
            rules.setdefault(tag, []).append(rule)
    return rules
