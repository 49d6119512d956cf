"""Templates that want out, or want everything: each is refused with a sentence, soon and in little memory."""

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

COLUMNS = (Column(0, "First", "first_name"), Column(1, "Amount", "amount", CellKind.NUMBER))
ROWS = [(2, '["Ada",["12",12]]')]

BOMBS = [
    "{{ 'a' * 100000000 }}",
    "{{ 'a' * 10 ** 10 }}",
    "{{ 'a'.center(10 ** 8) }}",
    "{{ 'a'.ljust(100000000) }}",
    "{{ 'a'.zfill(100000000) }}",
    "{{ '%0100000000d' | format(1) }}",
    "{{ '%0100000000d' % 1 }}",
    "{{ '{:>100000000}'.format(1) }}",
    "{{ [0] * 50000000 }}",
    "{{ ([0] * 9999)|length }}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{% for a in range(1000000000) %}{% endfor %}",
    "{{ range(10 ** 30) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{{ 2 ** (10 ** 8) }}",
    "{{ 9 ** (9 ** 9) }}",
    "{{ 2.0 ** 100000 }}",
    "{% set ns = namespace(x=2) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}",
    "{{ 'a'|replace('a', 'a' * 1000)|replace('a', 'a' * 1000)|replace('a', 'a' * 1000) }}",
    "{{ ('a' * 1000).replace('a', 'a' * 1000).replace('a', 'a' * 1000) }}",
    "{{ 'a'.join(['a' * 99999] * 9999) }}",
    "{{ 'a'|indent(100000000) }}",
    "{{ amount|round(100000000) }}",
    "{{ amount|number(100000000) }}",
    "{{ lipsum(1000000) }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "-" * 20000 + "1 }}",
    "{{ [" * 500 + "]}}" * 500,
    "{% if 1 %}" * 200 + "x" + "{% endif %}" * 200,
    "{% for a in [1] %}" * 30 + "x" + "{% endfor %}" * 30,
    "{{ '"
    + "9" * 10
    + "' * 99 }}{% set x %}{% for i in range(99999) %}{% for j in range(999) %}aaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endfor %}{% endset %}",
    "{{ " + "9" * 50000 + " }}",
    "{% block a %}{{ self.a() }}{% endblock %}",
]

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''|attr('__class__') }}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ '{a.__class__}'.format_map({'a': ''}) }}",
    "{{ ['{0.__class__}']|map('format', '')|list }}",
    "{{ [1]|map(attribute='__class__')|list }}",
    "{{ [1]|sort(attribute='__class__') }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ namespace.__init__ }}",
    "{{ namespace.mro() }}",
    "{{ range.__class__ }}",
    "{{ dict.mro() }}",
    "{{ dict.fromkeys('ab') }}",
    "{{ request.application.__globals__ }}",
    "{{ config.items() }}",
    "{{ first_name.__class__ }}",
    "{{ first_name._shown }}",
    "{{ first_name['_shown'] }}",
    "{{ first_name.upper() }}",
    "{{ unsubscribe_url._slot }}",
    "{{ unsubscribe_url|upper }}",
    "{{ unsubscribe_url ~ 'x' }}",
    "{{ unsubscribe_url == 'x' }}",
    "{{ unsubscribe_url * 2 }}",
    "{{ loop.__class__ }}",
    "{% for a in [1] %}{{ loop._iterator }}{% endfor %}",
    "{% for a in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% macro m() %}{% endmacro %}{{ m.__call__ }}",
    "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "{% macro m() %}{{ caller.__class__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% block a %}{{ super.__init__ }}{% endblock %}",
    "{% set ns = namespace() %}{{ ns._Namespace__attrs }}",
    "{% set ns = namespace() %}{{ ns.__class__ }}",
    "{{ [].append(1) }}",
    "{{ {}.update({}) }}",
    "{{ {}.__class__ }}",
    "{{ (1).__class__ }}",
    "{{ true.__class__ }}",
    "{{ none.__class__ }}",
    "{{ today.__class__ }}",
    "{{ today.year }}",
    "{{ row.__class__ }}",
    "{{ campaign.__class__ }}",
    "{{ ''.upper.__self__ }}",
    "{{ ''.upper.__func__ }}",
    "{{ ''.encode() }}",
    "{{ ''.translate({}) }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ undefined_name.__class__ }}",
    "{{ ''|string|attr('x') }}",
    "{{ 1 is callable }}",
    "{{ ''|tojson }}",
    "{{ []|groupby('x') }}",
    "{{ ''|xmlattr }}",
    "{% autoescape false %}{{ first_name }}{% endautoescape %}",
    "{% include first_name %}",
    "{% include ['a', 'b'] %}",
    "{% extends first_name %}",
    "{% import first_name as x %}",
    "{{ first_name() }}",
    "{{ range }}",
    "{{ loop }}",
    "{{ self }}",
    "{{ self.nothing }}",
    "{{ view_url }}",
]


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
        problems = session.render([(2, ["Ada", ["12", 12]])]).problems
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
