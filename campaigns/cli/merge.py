"""`mergecast merge`: the whole job in one line. The last step, sending, comes from the worker's side."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.campaign import say_preview
from campaigns.cli.face import Face, verb
from campaigns.cli.house import zone_of_machine
from campaigns.cli.lists import say_import
from campaigns.cli.options import (
    Again,
    AtColumn,
    Columns,
    DefaultZone,
    Encoding,
    Exclude,
    From,
    HiddenRowsWord,
    HolidaysCode,
    LateWord,
    NotMailedIn,
    RepeatedRows,
    SheetPath,
    TemplateName,
    ThrottleTexts,
    Transactional,
    TransportName,
    Types,
    When,
    Where,
    WindowTexts,
    Worksheet,
    Yes,
    Zone,
    ZoneColumn,
    read_options,
    repeated_of,
)
from campaigns.cli.send import asker, say_sent
from campaigns.errors import UsageError

if TYPE_CHECKING:
    from campaigns.actions.check import CheckResult
    from campaigns.actions.desk import Desk
    from campaigns.actions.merge import Typed
    from campaigns.model.audience import Audience

WAITED_FOR = timedelta(minutes=10)  # a start further away is left to `mergecast run`
RunUntilIdle = Callable[[Face, "Desk", str], None]


def add_merge(app: typer.Typer, run_until_idle: RunUntilIdle) -> None:
    """Register `merge`; `run_until_idle` sends what is queued, and says how it ended unless `face.json`."""

    @verb(app, "merge")
    def merge(
        face: Face,
        sheet: SheetPath,
        template: TemplateName,
        *,
        list_name: Annotated[
            str,
            typer.Option("--list", metavar="NAME", help="Unless given: called like the sheet.", show_default=False),
        ] = "",
        worksheet: Worksheet = "",
        column: Columns = None,
        kind: Types = None,
        encoding: Encoding = "",
        repeated: RepeatedRows = None,
        hidden_rows: HiddenRowsWord = "",
        transport: TransportName = "",
        sender: From = "",
        at: When = "",
        zone: Zone = "",
        default_zone: DefaultZone = "",
        zone_column: ZoneColumn = "",
        at_column: AtColumn = "",
        throttle: ThrottleTexts = None,
        window: WindowTexts = None,
        holidays: HolidaysCode = "",
        late: LateWord = "",
        where: Where = None,
        exclude: Exclude = None,
        not_mailed_in: NotMailedIn = None,
        transactional: Transactional = False,
        yes: Yes = False,
        again: Again = False,
    ) -> None:
        """The whole job in one line. It imports, checks, shows three mails, asks, queues and sends."""
        from campaigns.actions.create import create
        from campaigns.actions.held import refuse_held
        from campaigns.actions.import_list import import_list
        from campaigns.actions.merge import Typed, campaign_name, look_at_lists
        from campaigns.actions.send import send
        from campaigns.actions.times import Times
        from campaigns.model.audience import Audience
        from campaigns.recipients.opening import printable
        from campaigns.settings import LOCAL

        options = read_options(worksheet, column, kind, encoding, hidden_rows)
        audience = Audience.read(where, exclude or (), not_mailed_in)
        times = Times(default_zone, zone_column, at_column, window or (), holidays, late)
        typed = Typed(sheet, template, options, transport or LOCAL, sender, at, zone, throttle or (), audience, times)
        listed = list_name or printable(sheet.stem)
        _look_or_make(face, typed, listed)
        with face.desk(secrets=True) as desk:
            refuse_held(desk)
            look_at_lists(desk, audience, listed)
            with face.progress(f"Reading {sheet.name}") as progress:
                imported = import_list(desk, sheet, listed, options, repeated=repeated_of(repeated), progress=progress)
            if not face.json:
                say_import(face.screen, imported.as_json())
            name = campaign_name(desk, template, listed)
            create(
                desk,
                name,
                template=template,
                list_name=listed,
                transport=transport or LOCAL,
                sender=sender,
                at=at,
                zone=zone,
                times=times,
                throttles=throttle or (),
                audience=audience,
                transactional=transactional,
                replace=True,
            )
            confirm = _after_previews(face, desk, template, listed, audience, ask=asker(face, yes))
            with face.progress(f"Checking {name}") as progress:
                queued = send(desk, name, again=again, confirm=confirm, progress=progress)
            told = queued.as_json()
            sends = _leaves_soon(told) and not told["worker_running"]
            if not face.json:
                say_sent(face.screen, told | {"worker_running": told["worker_running"] or sends})
            if sends:
                run_until_idle(face, desk, name)
        if face.json:
            face.show(queued, say_sent)


def _look_or_make(face: Face, typed: "Typed", list_name: str) -> None:
    """Look at all that was typed; then make a workspace here if there is none, and say so."""
    from campaigns.actions.init import init
    from campaigns.actions.merge import look
    from campaigns.actions.reading import as_last_time
    from campaigns.actions.times import by_recipients
    from campaigns.settings import load_settings
    from campaigns.workspace import NoWorkspaceError

    now = datetime.now(UTC)
    try:
        workspace = face.workspace()
    except NoWorkspaceError:
        here = Path.cwd()
        zone = "" if by_recipients(typed.zone) else typed.zone
        zone = zone or zone_of_machine(face)
        look(here, load_settings(here, os.environ).model_copy(update={"zone": zone}), typed, now)
        if typed.audience.exclude:
            raise UsageError(
                f"There is no list {typed.audience.exclude[0]!r}: there is no workspace yet.",
                remedy="Make one with `mergecast init .`, and import the list first.",
            ) from None
        made = init(here, zone=zone, example=False)
        face.aside.say(f"Made a workspace here, in {made.workspace.root}; send times are in {zone}.")
    else:
        with face.desk() as desk:
            options = as_last_time(desk, list_name, typed.options)
        typed = replace(typed, options=options)
        look(workspace.root, workspace.settings, typed, now)


def _after_previews(
    face: Face,
    desk: "Desk",
    template: str,
    list_name: str,
    audience: "Audience",
    *,
    ask: "Callable[[CheckResult], bool]",
) -> "Callable[[CheckResult], bool]":
    """Before a person is asked: the mails of the rows that differ most, to open."""

    def confirm(found: "CheckResult") -> bool:
        from campaigns.actions.preview import preview

        if not face.json:
            face.still()
            shown = preview(desk, template, list_name, edge_cases=True, audience=audience).as_json()
            say_preview(face.aside, {**shown, "previews": shown["previews"][:3], "findings": []})
        return ask(found)

    return confirm


def _leaves_soon(told: dict[str, Any]) -> bool:
    at = told["opens"] or told["starts"]["at"]
    return at is None or datetime.fromisoformat(at) <= datetime.now(UTC) + WAITED_FOR
