"""CSS and tags that common mail programs leave out, as `mail_css.toml` lists them."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from campaigns.compose.found import Found
from campaigns.compose.tags import OPEN, RAW, Token, attributes
from campaigns.model.states import Severity

Rule = dict[str, str]

_DECLARATION = re.compile(r"(?<![\w-])([a-z-]++)\s*+:\s*+([^;{}]*+)", re.IGNORECASE)
_AT = re.compile(r"@([a-z-]++)", re.IGNORECASE)
_ASIDE = re.compile(r"/\*.*?(?:\*/|\Z)|@(?:media|supports)[^{}]*+", re.IGNORECASE | re.DOTALL)
_BRACE = re.compile(r"[{}]")


def unsupported(markup: str, read: list[Token]) -> Iterator[Found]:
    """What an author's markup uses that mail programs leave out, each thing once; Outlook's own comments are exempt."""
    seen: set[str] = set()
    for token in read:
        if token.outlook:
            continue
        if token.kind == RAW and token.name in ("style", "mj-style"):
            uses = _in_css(_at_all_times(markup[token.start : token.end]), token.start)
        elif token.kind == OPEN:
            uses = _in_tag(markup, token)
        else:
            continue
        for use in uses:
            if use.what not in seen:
                seen.add(use.what)
                yield _found(use, markup)


class _Use(NamedTuple):
    """One use of what a rule speaks of."""

    what: str
    rule: Rule
    at: int
    words: str
    called: str


def _found(use: _Use, markup: str) -> Found:
    sentence = f"{use.called} has no effect in {use.rule['clients']}."
    code = "unsupported_css" if use.what.startswith(("css", "@")) else "unsupported_tag"
    nth = markup.count(use.words, 0, use.at)
    return Found(code, Severity.WARNS, sentence, use.rule["remedy"], words=use.words, nth=nth)


def _in_tag(markup: str, token: Token) -> Iterator[_Use]:
    written = markup[token.start : token.end]
    for rule in _rules()["tag"].get(token.name, ()):
        if re.search(rule.get("having", ""), written, re.IGNORECASE):
            yield _Use(rule["called"], rule, token.start, written, rule["called"])
    if "style" in written:
        for one in attributes(markup, token):
            if one.name == "style":
                yield from _in_css(one.value, one.start)


def _in_css(css: str, start: int) -> Iterator[_Use]:
    for at in _AT.finditer(css):
        for rule in _rules()["at"].get(at[1].lower(), ()):
            yield _Use(at[0].lower(), rule, start + at.start(), at[0], at[0])
    for declared in _DECLARATION.finditer(css):
        name, value = declared[1].lower(), declared[2].lower()
        for rule in _css_rules(name):
            if re.search(rule.get("value", ""), value):
                what = f"css {rule['property']} {rule.get('value', '')}"
                shown = f"The style “{name}: {declared[2].strip()[:40]}”"
                yield _Use(what, rule, start + declared.start(), declared[0].rstrip(), shown)


def _at_all_times(css: str) -> str:
    """The rules that hold for everybody: @media, @supports and comments become blanks, so that places stay."""
    kept: list[str] = []
    at = 0
    for aside in _ASIDE.finditer(css):
        if aside.start() < at:
            continue
        kept.append(css[at : aside.start()])
        at = aside.end() if css.startswith("/*", aside.start()) else _end_of_block(css, aside.end())
        kept.append(" " * (at - aside.start()))
    return "".join((*kept, css[at:]))


def _end_of_block(css: str, at: int) -> int:
    depth = 0
    for brace in _BRACE.finditer(css, at):
        depth += 1 if brace[0] == "{" else -1
        if depth <= 0:
            return brace.end()
    return len(css)


@cache
def _rules() -> dict[str, dict[str, list[Rule]]]:
    """By section, then by what to look for."""
    written: dict[str, list[Any]] = tomllib.loads(Path(__file__).with_name("mail_css.toml").read_text(encoding="utf-8"))
    rules: dict[str, dict[str, list[Rule]]] = {"css": {}, "at": {}, "tag": {}}
    for section, named in rules.items():
        for rule in written[section]:
            named.setdefault(rule.get("property") or rule["name"], []).append(rule)
    return rules


def _css_rules(name: str) -> list[Rule]:
    named = _rules()["css"]
    group = named.get("margin*", []) if name.startswith("margin") else []
    return [*named.get(name, ()), *group, *named.get("*", ())]
