"""Lays templates out with Mergecast and with the MJML compiler, and compares what Chromium shows of both.

`make gallery` does so for every attribute of every MJML tag, as the compiler's own list has them; with
`FOLDER=...` for the .mjml and .html files of a folder, such as a gallery that was fetched from elsewhere. An HTML file's
reference is the file itself. Needs node, npm and Chromium; nothing of it is part of `make test`, and nothing is kept.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from campaigns.compose.images import ImageFolder
from campaigns.compose.layout import LaidOut, lay_out
from campaigns.compose.marked import MarkedMail, Marks, TemplateKind
from campaigns.errors import TemplateError

HERE = Path(__file__).parent
TOOLS = Path(".gallery")  # where `make gallery` puts the compiler
CLOSE = 1.5  # pixels
Boxes = dict[str, Any]


def main(folder: Path | None) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        sources, theirs, ours = (Path(scratch, name) for name in ("sources", "theirs", "ours"))
        for made in (sources, theirs, ours):
            made.mkdir()
        if folder is None:
            node("attributes.js", sources)
        else:
            for path in folder.iterdir():
                if path.suffix in (".mjml", ".html"):
                    (sources / path.name).write_bytes(path.read_bytes())
        node("compile.js", sources, theirs)
        said = {path.name: laid_out(path, ours) for path in sorted(sources.iterdir())}
        node("boxes.js", theirs, ours)
        return reported(said, theirs, ours)


def node(script: str, *folders: Path) -> None:
    environment = {"NODE_PATH": str((TOOLS / "node_modules").resolve()), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    subprocess.run(["node", HERE / script, *folders], check=True, env=environment)


def laid_out(path: Path, ours: Path) -> list[str]:
    """What is said of a template that differs or cannot be laid out; its page is written."""
    mail = MarkedMail(TemplateKind(path.suffix[1:]), "Subject", "Preheader", path.read_text(encoding="utf-8"), ())
    try:
        made = lay_out(mail, Marks(), ImageFolder(path.parent, path.parent))
    except TemplateError as error:
        return [f"refused: {error.sentence} {error.remedy}"]
    assert isinstance(made, LaidOut)
    (ours / f"{path.name}.html").write_text("".join(map(str, made.shape.html or ())), encoding="utf-8")
    return [one.sentence for one in made.findings if one.code in ("mjml_differs", "css_differs", "not_inlined")]


def reported(said: dict[str, list[str]], theirs: Path, ours: Path) -> int:
    """Prints what differs; 1 if something differs of which nothing is said."""
    said = {name: sentences for name, sentences in said.items() if (theirs / f"{name}.html").exists()}
    counts = {"same": 0, "said": 0, "not said": 0, "said in vain": 0}
    for name, sentences in said.items():
        different = list(differences(theirs / f"{name}.json", ours / f"{name}.json"))
        outcome = ("said" if sentences else "not said") if different else ("said in vain" if sentences else "same")
        counts[outcome] += 1
        if outcome != "same":
            print(f"{name}: {outcome}", *different[:3], *sentences, sep="\n    ")
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return 1 if counts["not said"] else 0


def differences(theirs: Path, ours: Path) -> Iterator[str]:
    if not ours.exists():
        yield "there is no page of ours"
        return
    reference, made = (json.loads(path.read_text(encoding="utf-8")) for path in (theirs, ours))
    for width, seen in reference.items():
        for kind in ("text", "picture", "box"):
            wanted, got = ([one for one in page if one["kind"] == kind] for page in (seen, made[width]))
            if len(wanted) != len(got):
                yield f"{width} px: {len(wanted)} of {kind}, not {len(got)}"
            for one, other in zip(wanted, got, strict=False):
                unlike = {
                    key: (one.get(key), other.get(key))
                    for key in one | other
                    if not alike(one.get(key), other.get(key))
                }
                if unlike:
                    yield f"{width} px, {kind} {one['what'][:40]}: {unlike}"


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return all(abs(a - b) <= CLOSE for a, b in zip(one, other, strict=True))
    return (one or "") == (other or "")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
