"""A template that wants a file, the network or the whole machine gets a sentence, from the command line as it is typed.

The long list is tried in `tests/unit/compose/test_hostile_templates.py`; here one of each kind, with all processes measured.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.doubles.command_line import CommandLine
from tests.doubles.hostile_templates import TOWERS

SECRET = "hunter2-is-the-word"
PICTURE = b"\x89PNG\r\n\x1a\n" + SECRET.encode()
REFUSED = {
    "a bomb of text, at compile time": "{{ 'a' * 10 ** 10 }}",
    "a bomb of text, at run time": "{{ (first_name ~ 'a') * 100000000 }}",
    "loops in loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "one step that never ends": TOWERS + "{{ ns.x == ns.y }}",
    "a megabyte of tags": "{{ first_name }}" * 60_000,
    "the class of a text": "{{ ''['__cla' ~ 'ss__'].__mro__ }}",
    "the engine's globals": "{{ self.__init__.__globals__.__builtins__ }}",
    "a file by its path": "{% include '/etc/passwd' %}",
    "a file above": "{% include '../secrets.toml' %}",
    "a link to a file outside": "{% include 'leads_out.html' %}",
    "a picture outside": '<img alt="" src="../../outside/secret.png">',
    "a link to a picture outside": '<img alt="" src="leads_out.png">',
}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A workspace with a list, beside a folder that nobody may read from here."""
    above = tmp_path_factory.mktemp("hostile")
    outside, house = above / "outside", above / "house"
    outside.mkdir()
    (outside / "secret.html").write_text(SECRET, encoding="utf-8")
    (outside / "secret.png").write_bytes(PICTURE)
    house.mkdir()
    terminal = CommandLine(house)
    terminal.run("init")
    (house / "secrets.toml").write_text(f'[transports.relay]\npassword = "{SECRET}"\n', encoding="utf-8")
    (house / "secrets.toml").chmod(0o600)
    for name in ("secret.html", "secret.png"):
        (house / "templates" / name.replace("secret", "leads_out")).symlink_to(outside / name)
    (house / "people.csv").write_text("email,first_name\nada@example.org,Ada\n", encoding="utf-8")
    terminal.run("import", "people.csv", "--list", "people")
    return terminal


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_sentence_within_two_seconds_and_200_mb(terminal: CommandLine, name: str) -> None:
    write(terminal, REFUSED[name])
    said, seconds, megabytes = measured(terminal, "preview", "hostile", "--list", "people", "--json")
    assert SECRET not in said
    assert '"sentence"' in said
    assert '"stops"' in said or '"error"' in said
    assert "Traceback" not in said
    assert seconds < 2.0 + 1.2  # of CPU; the start of two processes costs about a second
    assert megabytes < 200


@pytest.mark.parametrize("layout", ["../../outside/secret.html", "/etc/passwd", "leads_out.html", "secrets.toml"])
def test_a_layout_stays_in_the_workspace(terminal: CommandLine, layout: str) -> None:
    write(terminal, "Hello", f"layout: {layout}\n")
    error = terminal.json("preview", "hostile", "--list", "people", status=2)["error"]
    assert error["where"]["line"] == 3
    assert error["remedy"]


@pytest.mark.parametrize("ending", ["html", "mjml"])
def test_no_template_reaches_the_network(terminal: CommandLine, listener: socket.socket, ending: str) -> None:
    host = f"http://127.0.0.1:{listener.getsockname()[1]}"
    loaded = (
        f'<link rel="stylesheet" href="{host}/a.css"><style>@import url("{host}/b.css"); '
        f'@font-face {{ font-family: x; src: url("{host}/c.woff") }} p {{ background: url("{host}/d.png") }}</style>'
        f'<img alt="" src="{host}/e.png"><a href="{host}/f">x</a>'
    )
    mjml = f'<mjml><mj-head><mj-font name="x" href="{host}/g.css"/></mj-head><mj-body><mj-raw>{loaded}</mj-raw></mj-body></mjml>'
    write(terminal, mjml if ending == "mjml" else loaded, ending=ending)
    assert "not encrypted" in terminal.run("preview", "hostile", "--list", "people", status=None).out
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_mjml_includes_no_file_by_itself(terminal: CommandLine) -> None:
    write(terminal, '<mjml><mj-body><mj-include path="../secrets.toml"/></mj-body></mjml>', ending="mjml")
    said = terminal.run("preview", "hostile", "--list", "people", "--json", status=None).out
    assert "mj-include is not read here" in said
    assert SECRET not in said


def write(terminal: CommandLine, body: str, front: str = "", ending: str = "html") -> None:
    folder = terminal.folder / "templates"
    for left in folder.glob("hostile.*"):
        left.unlink()
    (folder / f"hostile.{ending}").write_text(f"---\nsubject: Hello\n{front}---\n{body}\n", encoding="utf-8")


# A process counts the memory of the one that it was forked from; so a small one stands between, and asks for its children.
BETWEEN = """
import resource, subprocess, sys
with open(sys.argv[1], "w") as out:
    subprocess.run(sys.argv[2:], stdout=out, stderr=out)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def measured(terminal: CommandLine, *args: str) -> tuple[str, float, float]:
    """All that was said, and what the command and its children took: seconds of CPU, and megabytes of the largest."""
    said = terminal.folder / "said.txt"
    between = subprocess.run(
        [sys.executable, "-I", "-c", BETWEEN, str(said), *terminal._line(args)],
        cwd=terminal.folder,
        env=terminal.environment(),
        capture_output=True,
        check=True,
        text=True,
    )
    seconds, most = map(float, between.stdout.split())
    return said.read_text(encoding="utf-8"), seconds, most / (2**20 if sys.platform == "darwin" else 2**10)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server on this machine that nobody is to call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
