"""Spreadsheets of every kind, broken in ways that a seed decides."""

import datetime as dt
import random
import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from tests.doubles.every_kind import Value, write_sheet

KINDS = ("csv", "xlsx", "ods", "xls", "xlsb")
_NUMBERS = (
    b"-1",
    b"0",
    b"1",
    b"16385",
    b"1048577",
    b"4294967296",
    b"9" * 40,
    b"1e999",
    b"NaN",
    b"XFD1048576",
    b"",
    b"&#0;",
)
_PIECES = (
    b'"', b"\0", b"\r", b"\n", b";" * 50, b"\xff\xfe", b"@", b"\xe2\x80\xa8", b"\x1b[31m", b"\xed\xa0\x80", b"=1+1",
    b"<c/>", b"<v>1</v>", b"</row>", b"<!--", b"]]>", b"&b;", b'<!DOCTYPE a [<!ENTITY b "ha">]>',
    b' table:number-rows-repeated="1048576"', b' table:number-columns-repeated="16384"', b' r="XFD1"', b' t="s"',
)  # fmt: skip


def originals(folder: Path) -> dict[str, bytes]:
    """A good list of each kind."""
    rows: list[list[Value]] = [["Spring"], ["Name", "E-Mail", "Amount", "Since", "Paid"]]
    rows += [
        [f"Änn {n} & Co", f"p{n}@example.com", n / 7, dt.date(2026, 1, 1) + dt.timedelta(n), n % 2 == 0]
        for n in range(30)
    ]
    lines = [";".join(map(str, row)) for row in rows]
    made = {
        "csv": (
            "\n".join([*lines, '"Lee ""A""";lee@example.com;1.234,50;31.12.2026;x', "", ";;", "Bo;bo@;x"]) * 2
        ).encode()
    }
    for kind in KINDS[1:]:
        made[kind] = write_sheet(folder / f"good.{kind}", ("People", rows), ("Notes", [["nobody"]])).read_bytes()
    return made


def mutant(kind: str, good: bytes, seed: int) -> bytes:
    """The file with some bytes changed, cut out, doubled or put in; of a zip also inside its parts."""
    chance = random.Random(f"{kind} {seed}")
    if kind in ("xlsx", "ods", "xlsb") and chance.random() < 0.75:
        return _with_a_broken_part(good, chance)
    return _broken(good, chance)


def _with_a_broken_part(good: bytes, chance: random.Random) -> bytes:
    whole = BytesIO()
    with zipfile.ZipFile(BytesIO(good)) as old, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as new:
        guilty = chance.choice([name for name in old.namelist() if name.endswith((".xml", ".bin", ".rels"))])
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, broken_part(content, chance) if name == guilty else content)
    return whole.getvalue()


def broken_part(content: bytes, chance: random.Random) -> bytes:
    """XML stays XML as often as not: what is well-formed and absurd gets furthest."""
    if not content.lstrip().startswith(b"<") or chance.random() < 0.4:
        return _broken(content, chance)
    for _ in range(chance.randint(1, 4)):
        content = chance.choice(_XML_EDITS)(content, chance)
    return content


def _other_value(content: bytes, chance: random.Random) -> bytes:
    return _replaced(content, rb'(?<==")[^"<>]*(?=")', chance, lambda _: chance.choice(_NUMBERS))


def _other_text(content: bytes, chance: random.Random) -> bytes:
    return _replaced(content, rb"(?<=>)[^<>]+(?=<)", chance, lambda _: chance.choice(_NUMBERS))


def _no_attribute(content: bytes, chance: random.Random) -> bytes:
    return _replaced(content, rb' [\w:]+="[^"]*"', chance, lambda _: b"")


def _doubled_element(content: bytes, chance: random.Random) -> bytes:
    return _replaced(
        content, rb"<(\w+)[^<>]*>[^<>]*</\1>|<[\w:]+[^<>]*/>", chance, lambda found: found * chance.choice((2, 500))
    )


def _no_element(content: bytes, chance: random.Random) -> bytes:
    return _replaced(content, rb"<(\w+)[^<>]*>[^<>]*</\1>|<[\w:]+[^<>]*/>", chance, lambda _: b"")


_XML_EDITS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _other_value, _other_text, _no_attribute, _doubled_element, _no_element,
)  # fmt: skip


def _replaced(content: bytes, pattern: bytes, chance: random.Random, by: Callable[[bytes], bytes]) -> bytes:
    found = list(re.finditer(pattern, content))
    if not found:
        return content
    one = chance.choice(found)
    return content[: one.start()] + by(one[0]) + content[one.end() :]


def _broken(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data)) if data else 0
        match chance.randrange(6):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + chance.randint(1, 40)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 40)]
            case 3:
                data[at:at] = chance.choice(_PIECES)
            case 4:
                data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f"))
            case 5 if chance.random() < 0.3:
                del data[at:]
    return bytes(data)
