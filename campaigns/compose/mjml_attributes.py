"""What <mj-attributes> gives to tags, worked out as the MJML compiler does it, so that each tag can say it itself.

mrml reads it otherwise: the first mj-class wins instead of the last, and some tags get nothing. <mj-all> is left to it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from campaigns.compose.tags import CLOSE, OPEN, Token, attributes

Attributes = dict[str, str]  # values as written, entities and all

# Where mrml takes a number for nothing unless it has a unit; the compiler takes it for pixels.
_IN_PIXELS = {
    "mj-body": ("width",),
    "mj-button": ("width",),
    "mj-column": ("width",),
    "mj-group": ("width",),
    "mj-hero": ("height", "background-height", "background-width"),
    "mj-image": ("width",),
}
_BARE_ZERO = re.compile(r"(?<![\w.])0(?![\w.%])")  # mrml then reads none of the four
_DIGITS = re.compile(r"\d+")
_NO_WORDS = {"alt": ""}  # a sign beside words of its own, or drawn twice: without it, screen readers spell the address
_FONT = "font-family"
_ACCORDION_FONT = "Ubuntu, Helvetica, Arial, sans-serif"  # of an accordion that says nothing
_HANDS_FONT_ON, _TAKES_FONT = ("mj-accordion", "mj-accordion-element"), ("mj-accordion-title", "mj-accordion-text")
_LEFT_OUT = {"mj-social-element": _NO_WORDS, "mj-carousel-image": _NO_WORDS}


class HeadAttributes:
    """What the tags inside of <mj-attributes> say."""

    def __init__(self, mjml: str, read: Iterable[Token]) -> None:
        self._of_tags: dict[str, Attributes] = defaultdict(dict)
        self._of_classes: dict[str, Attributes] = defaultdict(dict)
        self._in_classes: dict[tuple[str, str], Attributes] = defaultdict(dict)  # (class, tag): for what stands inside
        open_at = 0  # 1 inside of <mj-attributes>
        around = ""  # the <mj-class> that stands open
        for token in read:
            if token.name == "mj-attributes":
                open_at = token.kind == OPEN and not mjml.endswith("/>", token.start, token.end)
            elif token.kind == OPEN and open_at:
                said = own_attributes(mjml, token)
                if token.name == "mj-class":
                    name = said.pop("name", "")
                    self._of_classes[name].update(said)
                    around = "" if mjml.endswith("/>", token.start, token.end) else name
                elif around:
                    self._in_classes[around, token.name].update(said)
                else:
                    self._of_tags[token.name].update(said)
            elif token.kind == CLOSE and token.name == "mj-class":
                around = ""

    def effective(self, name: str, own: Attributes, class_around: str, around: Attributes) -> Attributes:
        """All attributes of a tag with these `own` ones.

        `class_around`, `around`: the classes and the attributes of the tag that it stands in.
        """
        of_classes: Attributes = {}
        for one in own.get("mj-class", "").split():
            said = self._of_classes.get(one, {})
            both = [css for css in (of_classes.get("css-class"), said.get("css-class")) if css]
            of_classes.update(said)
            if both:
                of_classes["css-class"] = " ".join(both)
        from_around: Attributes = {}
        for one in class_around.split():
            from_around.update(self._in_classes.get((one, name), {}))
        found = {
            **_LEFT_OUT.get(name, {}),
            **self._of_tags.get(name, {}),
            **of_classes,
            **from_around,
            **own,
        }
        return found | self._accordion_font(name, own, found, around)

    def _accordion_font(self, name: str, own: Attributes, found: Attributes, around: Attributes) -> Attributes:
        """Inside of an accordion the font comes from the tag itself or from around it, whatever the head says."""
        font: str | None = None
        if name in _TAKES_FONT:
            font = own.get(_FONT) or around.get(_FONT) or (_ACCORDION_FONT if _FONT in found else None)
        elif name in _HANDS_FONT_ON:
            font = found.get(_FONT) or self._of_tags.get("mj-all", {}).get(_FONT) or around.get(_FONT)
        return {_FONT: font} if font else {}


def own_attributes(mjml: str, tag: Token) -> Attributes:
    own: Attributes = {}
    for one in attributes(mjml, tag):
        own.setdefault(one.name, one.value)  # written twice, the first one counts
    return own


def written_out(mjml: str, tag: Token, effective: Attributes, safe: Callable[[str], str]) -> str:
    """The tag with all that holds for it, each value as mrml must read it to do what the compiler does.

    `safe` makes a value's characters such as mrml carries along.
    """
    name = mjml[tag.start + 1 : tag.start + 1 + len(tag.name)]
    kept: list[str] = []
    if name == "mj-button":
        effective = _narrower(effective)
    at = tag.start + 1 + len(name)
    own: set[str] = set()
    for one in attributes(mjml, tag):
        own.add(one.name)
        kept += [mjml[at : one.start], safe(_as_mrml_reads(name, one.name, effective[one.name]))]
        at = one.start + len(one.value)
    more = [_written(key, safe(_as_mrml_reads(name, key, value))) for key, value in effective.items() if key not in own]
    return f"<{name}{''.join(more)}{''.join(kept)}{mjml[at : tag.end]}"


def _narrower(button: Attributes) -> Attributes:
    """A width without a unit, less what `inner-padding` takes, even where that makes no room for want of a unit."""
    width = button.get("width", "").strip()
    sides = (button.get("inner-padding", "").split() or ["0"])[:4]
    if not width.isdecimal() or not any(map(_lacks_unit, sides)):
        return button
    right_and_left = (sides[1 % len(sides)], sides[3] if len(sides) == 4 else sides[1 % len(sides)])
    less = sum(int(digits[0]) for digits in map(_DIGITS.match, right_and_left) if digits)
    return {**button, "width": str(int(width) - less) if int(width) > less else ""}


def _lacks_unit(size: str) -> bool:
    return size.isdecimal() and int(size) > 0


def _written(name: str, value: str) -> str:
    quote = "'" if '"' in value else '"'
    return f" {name}={quote}{value}{quote}"


def _as_mrml_reads(tag: str, name: str, value: str) -> str:
    if name in _IN_PIXELS.get(tag, ()):
        if value.strip().replace(".", "", 1).isdecimal():
            return f"{value.strip()}px"
        if tag == "mj-image" and value.endswith("%"):  # the compiler drops the sign
            return f"{value[:-1]}px"
    if name in ("padding", "inner-padding"):
        return _BARE_ZERO.sub("0px", value)
    return value
