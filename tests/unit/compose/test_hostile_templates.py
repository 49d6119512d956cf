"""Templates that want out, or want everything: each is refused with a sentence, soon and in little memory."""

import json
import resource
import time
from datetime import date
from pathlib import Path

import pytest

from campaigns.compose.job import RenderJob
from campaigns.compose.marked import TemplateKind
from campaigns.compose.renderer import Renderer
from campaigns.compose.source import TemplateSource, load_template
from campaigns.errors import TemplateError
from campaigns.model.column import CellKind, Column
from tests.doubles.hostile_templates import BOMBS, ESCAPES

COLUMNS = (
    Column(0, "First", "first_name"),
    Column(1, "Amount", "amount", CellKind.NUMBER),
    Column(2, "Due", "due", CellKind.DATE),
    Column(3, "Sly", "sly"),
)
ROWS = [(2, '["Ada",["12",12],["1.12.2026","2026-12-01"],"__class__"]')]


@pytest.mark.parametrize("body", BOMBS, ids=lambda body: body[:40])
def test_a_bomb_is_refused_within_two_seconds_and_200_mb(body: str, tmp_path: Path) -> None:
    began = time.process_time() + _children()
    started = time.monotonic()
    sentence, peak = _refusal(body, tmp_path)
    spent = time.process_time() + _children() - began
    assert sentence
    assert spent < 2.4  # of CPU, with 0.3 s for the start of the child; the machine may be busy
    assert time.monotonic() - started < 30
    assert peak < 200_000  # KB


@pytest.mark.parametrize("body", ESCAPES, ids=lambda body: body[:60])
def test_nothing_behind_the_template_can_be_reached(body: str, session_refusal) -> None:
    sentence = session_refusal(body)
    assert sentence
    for word in ("Traceback", "jinja", "object at", "<class", "<built-in", "<function"):
        assert word not in sentence


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../../etc/passwd",
        "../secrets.html",
        "..",
        "",
        "secrets.toml",
        "link.html",
        "a\\0b",
        "sheets/x.txt",
    ],
)
def test_an_include_stays_in_its_folders(name: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.html").write_text("secret")
    root = tmp_path / "workspace"
    for folder in ("templates/layouts", "templates/blocks", "sheets"):
        (root / folder).mkdir(parents=True)
    (root / "secrets.toml").write_text("secret")
    (root / "secrets.html").write_text("secret")
    (root / "sheets" / "x.txt").write_text("secret")
    (root / "templates" / "link.html").symlink_to(outside / "secret.html")
    (root / "templates" / "secrets.toml").symlink_to(root / "secrets.toml")
    (root / "templates" / "x.html").write_text(f'---\nsubject: x\n---\n{{% include "{name}" %}}')
    with pytest.raises(TemplateError) as caught:
        load_template(root, "x")
    assert caught.value.where.line == 4
    assert caught.value.remedy


def test_a_key_in_the_environment_does_not_reach_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGECAST_TRANSPORTS__RELAY__PASSWORD", "hunter2")
    with Renderer(_job("Hello", tmp_path)) as renderer:
        pid = renderer._child._process.pid
        assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()


@pytest.fixture
def session_refusal(tmp_path: Path):
    """Refusals without a process each: what cannot be reached needs no clock."""
    from campaigns.compose.render import Session

    def refusal(body: str) -> str:
        try:
            session = Session(_job(body, tmp_path))
        except TemplateError as error:
            return error.sentence
        problems = session.render([(2, json.loads(ROWS[0][1]))]).problems
        return problems[0].sentence if problems else ""

    return refusal


def _refusal(body: str, root: Path) -> tuple[str, int]:
    """What is said, and the most memory (KB) that the child held."""
    try:
        with Renderer(_job(body, root)) as renderer:
            pid = renderer._child._process.pid
            row = renderer.render(ROWS).rows[0]
            return row.problem.sentence if row.problem else "", _peak(pid)
    except TemplateError as error:
        return error.sentence, 0


def _peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it died of its limits, or this is no Linux
        return 0
    return int(status.partition("VmHWM:")[2].split()[0])


def _job(body: str, root: Path) -> RenderJob:
    source = TemplateSource("x.html", TemplateKind.HTML, {"x.html": f"---\nsubject: Hello\n---\n<p>{body}</p>"})
    return RenderJob(source, COLUMNS, "en_US", date(2026, 12, 1), "winter", True, False, root)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
