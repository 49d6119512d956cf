"""What all verbs of the command line share: three options, two ways to answer, one way to fail.

A verb is a function whose first parameter is a Face; `verb` registers it and adds `--workspace`, `--json` and `--as`.
It calls one action and hands the result to `face.show`, which prints the JSON document or calls the verb's printer.
"""

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from campaigns.cli.help import Verb
from campaigns.errors import MergecastError, UsageError

if TYPE_CHECKING:
    from campaigns.actions.desk import Desk
    from campaigns.actions.progress import Progress
    from campaigns.cli.show import Bar, Screen
    from campaigns.workspace import Workspace

NEEDS_A_PERSON = 1  # exit status: done, and something is left to a person
PANEL = "On every command"


class Result(Protocol):
    """What an action returns."""

    def as_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Face:
    """One call of the command line: the shared options, and where answers go."""

    folder: Path | None = None  # --workspace
    json: bool = False
    who: str = ""  # --as
    bars: "list[Bar]" = field(default_factory=list)

    @functools.cached_property
    def screen(self) -> "Screen":
        """Standard output, for people; nothing may be printed there beside a JSON document."""
        from campaigns.cli.show import Screen

        return Screen(sys.stderr if self.json else sys.stdout)

    @functools.cached_property
    def aside(self) -> "Screen":
        """Standard error: progress, questions."""
        from campaigns.cli.show import Screen

        return Screen(sys.stderr)

    def workspace(self, *, secrets: bool = False) -> "Workspace":
        from campaigns.workspace import open_workspace

        return open_workspace(self.folder, os.environ, Path.cwd(), secrets=secrets)

    @contextmanager
    def desk(self, *, secrets: bool = False) -> Iterator["Desk"]:
        """The workspace's desk; only `run`, `merge` and `doctor` ask for secrets."""
        from campaigns.actions.desk import open_desk

        with open_desk(self.workspace(secrets=secrets), self.who) as desk:
            yield desk

    def show(self, result: Result, say: "Callable[[Screen, dict[str, Any]], None]") -> None:
        """The result's JSON document, printed or said: a person hears nothing that a program could not read."""
        document = result.as_json()
        if self.json:
            print_document(document)
        else:
            say(self.screen, document)

    @contextmanager
    def progress(self, doing: str) -> "Iterator[Progress]":
        """A bar with rate and remaining time on a terminal; the block calls what it gets with (done, total)."""
        if not sys.stderr.isatty():
            from campaigns.actions.progress import silent

            yield silent
            return
        from campaigns.cli.show import Bar

        bar = Bar(doing)
        self.bars.append(bar)
        try:
            yield bar
        finally:
            self.bars.remove(bar)
            bar.stop()

    def still(self) -> None:
        """Take running bars away, because something is to be said or asked below them."""
        for bar in self.bars:
            bar.stop()

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer."""
        return not self.json and sys.stdin.isatty()

    def confirm(self, question: str) -> bool:
        """A person's yes; UsageError where nobody can be asked."""
        if not self.can_ask:
            raise UsageError(f"Nobody is there to answer: {question}", remedy="Say yes beforehand: `--yes`.")
        self.still()
        self.aside.say(f"{question} [y/N] ", end="")
        try:
            return input().strip().lower() in ("y", "yes")
        except EOFError:
            return False


def verb(app: typer.Typer, name: str, **how: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command, with the options that every command has."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(*, workspace: Path | None, as_json: bool, who: str, **own: Any) -> None:
            function(Face(workspace, as_json, who), **own)

        parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        signature = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*parameters, *_SHARED)]
        command.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in signature}
        app.command(name, cls=Verb, **how)(command)
        return function

    return register


def print_document(document: dict[str, Any]) -> None:
    """One JSON document on standard output; foreign control characters stay escaped."""
    sys.stdout.write(json.dumps(document, ensure_ascii=not _speaks_unicode(), indent=2, default=str) + "\n")
    sys.stdout.flush()  # a closed pipe is noticed here, not at the interpreter's end


def main(app: typer.Typer, args: list[str] | None = None) -> int:
    """Run the command line; returns the exit status. No exception leaves it, so that no traceback reaches a person."""
    args = sys.argv[1:] if args is None else args
    face = Face(json="--json" in args)
    try:
        try:
            status = typer.main.get_command(app).main(args, prog_name="mergecast", standalone_mode=False)
        except MergecastError as error:
            return _failed(face, error)
        except typer.TyperException as error:
            return _failed(face, _called_wrongly(error))
        except (KeyboardInterrupt, typer.Abort):
            return _interrupted(face)
        except OSError as error:
            return _failed(face, _from_system(error))
        except Exception as error:
            if os.environ.get("MERGECAST_DEBUG"):
                raise
            return _failed(face, _our_mistake(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return 1
    if status == _INTERRUPTED:
        return _interrupted(face)
    return status if isinstance(status, int) else 0


def _failed(face: Face, error: MergecastError) -> int:
    if face.json:
        print_document(error.as_json())
    else:
        from campaigns.cli.show import say_error

        say_error(face.aside, error)
    return 2


def _interrupted(face: Face) -> int:
    if face.json:
        print_document(MergecastError("Stopped by the keyboard.").as_json())
    else:
        face.aside.say("\nStopped.")
    return _INTERRUPTED


def _called_wrongly(error: typer.TyperException) -> UsageError:
    """Typer's own words, as a sentence, and where help is."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "mergecast"
    said = error.format_message() if hasattr(error, "format_message") else str(error)
    sentence = said if said.endswith((".", "?")) else f"{said or 'Something is missing'}."
    return UsageError(sentence, remedy=f"Look at `{path} --help`.")


def _from_system(error: OSError) -> MergecastError:
    if isinstance(error, BrokenPipeError):
        raise error
    name = f"{error.filename}: " if error.filename else ""
    return MergecastError(f"{name}{error.strerror or error}.", remedy="Look at the disk and at the file's permissions.")


def _our_mistake(error: Exception) -> MergecastError:
    """What no one foresaw, in one sentence; the traceback goes to a file that only its owner may read."""
    import tempfile
    import traceback

    sentence = f"Mergecast itself made a mistake ({type(error).__name__})."
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="mergecast-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            log.writelines(traceback.format_exception(error))
    except OSError:
        return MergecastError(sentence, remedy="Run it again with MERGECAST_DEBUG=1 to see where.")
    return MergecastError(sentence, remedy=f"Where it happened is written in {log.name}; please report it.")


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


_INTERRUPTED = 130  # as shells have it: 128 + SIGINT
_SHARED = (
    inspect.Parameter(
        "workspace",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            Path | None,
            typer.Option(
                "--workspace",
                metavar="DIR",
                help="The workspace; else MERGECAST_WORKSPACE, else the nearest folder upwards that is one.",
                rich_help_panel=PANEL,
            ),
        ],
    ),
    inspect.Parameter(
        "as_json",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[
            bool,
            typer.Option("--json", help="Answer with one JSON document on standard output.", rich_help_panel=PANEL),
        ],
    ),
    inspect.Parameter(
        "who",
        inspect.Parameter.KEYWORD_ONLY,
        default="",
        annotation=Annotated[
            str,
            typer.Option(
                "--as",
                metavar="WHO",
                help="Who is named in the history; else MERGECAST_USER, else the login.",
                show_default=False,
                rich_help_panel=PANEL,
            ),
        ],
    ),
)
