"""What a page links to and loads: pictures of the workspace go inline, and what nobody could open is found."""

import html as entities
import re
from collections import Counter
from dataclasses import dataclass, field

from campaigns.compose.contexts import scheme
from campaigns.compose.found import MOST_LOOKED_AT, MOST_PLACES, Found, at_most
from campaigns.compose.images import ImageFolder, NoImageError
from campaigns.compose.marked import Marks
from campaigns.compose.tags import OPEN, RAW, Attribute, Token, attributes
from campaigns.message.shape import InlineImage
from campaigns.model.states import Severity

Edit = tuple[int, int, str]  # replace html[start:end]

_LOADED = frozenset(("src", "background", "poster"))
_LEADS = frozenset(("href", "action", "formaction", "xlink:href"))
_WORDS = ("href", "src", "url(", "background=", "poster", "action")  # a tag without them is not worth reading
_CSS_URL = re.compile(r"(@import\s+)?url\(\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\"'()]*+))\s*+\)", re.IGNORECASE)
_UNSAFE = frozenset(("javascript", "vbscript", "data", "file", "blob", "about", "view-source", "cid"))
_HEAVY = 2_000_000  # bytes of pictures in each single mail

_STOPS, _WARNS = Severity.STOPS, Severity.WARNS
_SAID = {  # code: severity, sentence, remedy; {} is the place
    "image_on_disk": (
        _STOPS,
        "Recipients cannot see this picture: {}.",
        "Put the picture beside the template and write its name (it travels with the mail), or its https:// address.",
    ),
    "style_sheet_on_disk": (
        _STOPS,
        "Recipients cannot load this style sheet: {}.",
        "Put the rules into a <style> block of the template or of its layout.",
    ),
    "unsafe_link": (
        _STOPS,
        "This link does nothing in a mail, or harms: {}.",
        "A link begins with https://, http://, mailto: or tel:.",
    ),
    "dead_link": (_WARNS, "This link leads nowhere: {}.", "Write the whole address, with https://."),
    "broken_link": (_WARNS, "This link is mistyped: {}.", "An address looks like https://www.example.org/page."),
    "insecure_link": (
        _WARNS,
        "This address is not encrypted: {}.",
        "Write https:// if the page has it: mail programs and spam filters look askance at http://.",
    ),
    "example_link": (
        _WARNS,
        "This address is an example or a placeholder: {}.",
        "Write the address that people are to reach.",
    ),
    "image_without_text": (
        _WARNS,
        "This picture has no text for those who cannot see it: {}.",
        'Add alt="what it shows", or alt="" if it is only decoration.',
    ),
    "image_not_shown": (
        _WARNS,
        "Many mail programs do not show this picture: {}.",
        "Save an SVG as PNG; put a data: picture into a file beside the template and write the file's name.",
    ),
    "images_heavy": (_WARNS, "The pictures add {} to each single mail.", "Make them smaller, or link to them."),
}
_MISTYPED = re.compile(
    r"https?(?!:)[/:;.,\\]|https?:(?!//[^/])|https?://(?:https?[:/]|[^/?#]*\s|\.|[^/?#]*\.\.)"
    r"|(?!https?:)(?:ht+p?s?|h?ttps?|hpp?ts?|htps?|https?s|htttps?):/|mailto:(?![^@\s]+@[^@\s])|tel:(?!\s*[+(\d*#])"
    r"|[^\s/:@]+@[^\s/:@]+\.\w+$",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(?:https?://|mailto:[^?]*@)(?:[\w-]+\.)*"
    r"(?:example|example\.(?:com|net|org)|your-?(?:domain|company|site|website|shop)\.\w+|(?:domain|website|mysite)\.com"
    r"|via\.placeholder\.com|placehold\.(?:it|co)|placekitten\.com|dummyimage\.com|lorempixel\.com)(?=[/:?#]|$)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Links:
    """What was found on a page, and what is to be replaced there."""

    html: str
    marks: Marks
    folder: ImageFolder
    edits: list[Edit] = field(default_factory=list)
    images: dict[str, InlineImage] = field(default_factory=dict)  # by cid
    found: list[Found] = field(default_factory=list)
    times: Counter[tuple[str, str]] = field(default_factory=Counter)  # by code and place

    def read(self, tokens: list[Token]) -> None:
        for token in tokens:
            if token.kind == OPEN:
                written = self.html[token.start : token.end].lower()
                if token.name == "img" or any(word in written for word in _WORDS):
                    self._tag(token)
            elif token.kind == RAW and token.name == "style":
                self._css(self.html[token.start : token.end], token.start)
        heavy = sum(len(image.data) for image in self.images.values())
        if heavy > _HEAVY:
            self._say("images_heavy", f"{heavy / 1_000_000:.1f} MB")

    def findings(self) -> list[Found]:
        """One for each thing found, a few of a kind."""
        return list(at_most(sorted(self.found, key=lambda one: _ORDER[one.code])))

    def _tag(self, token: Token) -> None:
        named = {one.name: one for one in reversed(list(attributes(self.html, token)))}
        for name, one in named.items():
            if token.name == "link" and name == "href":
                self._style_sheet(one, named.get("rel"))
            elif name in _LEADS:
                self._link(one)
            elif name in _LOADED:
                self._loaded(one.value, one.start)
            elif name == "srcset":
                self._srcset(one)
            elif name == "style":
                self._css(one.value, one.start)
        if token.name == "img" and "alt" not in named and not token.outlook:
            src = named["src"].value if "src" in named else ""
            self._say("image_without_text", src or "<img>", src or "<img")

    def _link(self, one: Attribute) -> None:
        url = one.value.strip()
        kind = scheme(url)
        if self.marks.pattern.match(url):
            return
        if kind in _UNSAFE or len(kind) == 1 or url.startswith("\\\\"):
            self._say("unsafe_link", url)
        elif _MISTYPED.match(self.marks.pattern.sub("0@0", entities.unescape(url))):
            self._say("broken_link", url)
        elif not kind and (not url.startswith("#") or url == "#"):
            self._say("dead_link", url or '""', f'{one.name}="{one.value}"' if len(url) < 2 else "")
        else:
            self._web(url)

    def _web(self, url: str) -> None:
        """What is wrong with an address of the web that works."""
        if _PLACEHOLDER.match(url):
            self._say("example_link", url)
        elif scheme(url) == "http":
            self._say("insecure_link", url)

    def _style_sheet(self, one: Attribute, rel: Attribute | None) -> None:
        url = one.value.strip()
        if scheme(url) not in ("http", "https") and rel is not None and "stylesheet" in rel.value.lower():
            self._say("style_sheet_on_disk", url)

    def _srcset(self, one: Attribute) -> None:
        for candidate in one.value.split(","):
            url = candidate.strip().partition(" ")[0]
            if url and scheme(url) not in ("http", "https") and not self.marks.pattern.match(url):
                self._say("image_on_disk", f"{url} (in srcset)", url)

    def _css(self, css: str, start: int) -> None:
        if "url(" not in css.lower():
            return
        for found in _CSS_URL.finditer(css):
            which = found.lastindex or 0
            if found[1] or not found[which].strip():
                continue
            url = found[which].strip().removeprefix("&quot;").removesuffix("&quot;")
            self._loaded(url, start + css.index(url, found.start(which)))

    def _loaded(self, written: str, start: int) -> None:
        """A picture: one of the workspace becomes an inline image, and its path a cid."""
        url = entities.unescape(written).strip()
        kind = scheme(url)
        if kind in ("http", "https"):
            self._web(url)
        if kind in ("http", "https") or url.startswith("#") or self.marks.pattern.match(url):
            return
        if url.lower().startswith("data:image/"):
            self._say("image_not_shown", url[:40])
        elif kind or url.startswith(("/", "\\")) or not url:
            self._say("image_on_disk", url or "one without src", url or "<img")
        elif self.marks.pattern.search(url):
            self._say("image_on_disk", f"{url} (a path cannot hold a merge field; use if and else)", url)
        else:
            self._inline(url, start, len(written))

    def _inline(self, path: str, start: int, length: int) -> None:
        try:
            image = self.folder.image(path)
        except NoImageError as why:
            self._say("image_on_disk", f"{path} ({why})", path)
            return
        self.images[image.cid] = image
        self.edits.append((start, start + length, f"cid:{image.cid}"))
        if image.mime_type == "image/svg+xml":
            self._say("image_not_shown", path)

    def _say(self, code: str, place: str, words: str = "") -> None:
        nth = self.times[code, place]
        self.times[code, place] += 1
        if nth < MOST_PLACES and len(self.found) < MOST_LOOKED_AT:
            severity, sentence, remedy = _SAID[code]
            shown = self.marks.pattern.sub("{{ … }}", place)
            shown = shown if len(shown) <= 80 else f"{shown[:79]}…"
            self.found.append(Found(code, severity, sentence.format(shown), remedy, words=words or place, nth=nth))


_ORDER = {code: number for number, code in enumerate(_SAID)}


def listed(places: list[str]) -> str:
    """Up to three places, and how many more there are."""
    shown = ", ".join(place if len(place) <= 80 else f"{place[:79]}…" for place in places[:3])
    return f"{shown} and {len(places) - 3} more" if len(places) > 3 else shown
