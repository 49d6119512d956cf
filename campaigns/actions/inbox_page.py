"""The page beside a file of the inbox: what became of it, and what to do; for people who never see a terminal."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from campaigns.actions.check import CheckResult
from campaigns.actions.import_list import ImportResult
from campaigns.errors import MergecastError
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

_DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SEVERITY = {Severity.STOPS: "stops it", Severity.LEAVES_OUT: "leaves out rows", Severity.WARNS: "to look at"}
_SKELETON = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
h1 {{ font-size: 1.4rem; color: {colour}; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.1rem; }}
table {{ border-collapse: collapse; }} td, th {{ text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; }}
th {{ font-weight: 600; }} .remedy {{ color: #444; }} code {{ background: #f2f2f2; padding: .1rem .3rem; }}
</style></head><body>
{body}
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file that was taken in."""

    list: str
    sheet: int  # its number in the list
    imported: ImportResult | None  # None where the list had it already
    campaign: str = ""  # made by the rule
    checked: CheckResult | None = None
    trouble: MergecastError | None = None  # why the campaign could not be made or checked


def failed_page(file: str, error: MergecastError, lists: Sequence[str]) -> str:
    """Why a file was not imported, where, and what to do."""
    parts = [_heading(f"{file} was not imported"), _paragraph(error.sentence)]
    places = [
        ("worksheet", error.where.sheet),
        ("row", error.where.row),
        ("column", error.where.column),
        ("line", error.where.line),
    ]
    if any(value for _, value in places):
        parts.append(_table([(word, value) for word, value in places if value]))
    parts.append("<h2>What to do</h2>")
    if error.remedy:
        parts.append(_paragraph(error.remedy))
    parts.append(_paragraph("When that is mended, put the file into the inbox once more. Nothing of it was imported."))
    name = lists[0] if len(lists) == 1 else "NAME"
    parts.append(
        "<p>What a person must decide, like whether hidden rows are meant, is said at a terminal, and the file goes in"
        f" by hand: {_code(f'mergecast import FILE --list {name}')}, with the option that is named above.</p>"
    )
    return _page(f"{file} was not imported", "#a40000", parts)


def imported_page(file: str, taken: Taken) -> str:
    """What was imported, what was left out, and the campaign that waits if a rule made one."""
    title = f"{file} is sheet {taken.sheet} of the list {taken.list}"
    parts = [_heading(title)]
    if taken.imported is None:
        parts.append(_paragraph("The list had this very content already: nothing was imported again."))
    else:
        parts += [_table(_numbers(taken.imported)), *_findings(taken.imported.findings)]
    if taken.campaign:
        parts += [f"<h2>The campaign {_said(taken.campaign)}</h2>", *_campaign(taken)]
    return _page(title, "#1c5e20", parts)


def _numbers(imported: ImportResult) -> Iterable[tuple[str, str]]:
    counts = {"rows": imported.rows, "good": imported.good, "left out": imported.left_out}
    if imported.sheet > 1:
        changes = imported.changes
        counts |= {"new people": changes.new, "changed": changes.changed, "gone": changes.gone}
    return [(word, f"{number:,}") for word, number in counts.items()]


def _campaign(taken: Taken) -> Iterable[str]:
    if taken.trouble is not None:
        yield _paragraph(f"It could not be prepared. {taken.trouble.sentence}")
        yield _paragraph(taken.trouble.remedy)
    elif taken.checked is None:
        yield _paragraph("It was there already.")
    else:
        found = taken.checked
        counts = {"rows": found.rows, "mails": found.ready, "left out": found.left_out}
        yield _table([(word, f"{number:,}") for word, number in counts.items()])
        yield from _findings(found.findings)
        verb = "check" if found.stops else "send"
        yield f"<p>Nothing leaves by itself: it waits for {_code(f'mergecast {verb} {taken.campaign}')}.</p>"


def _findings(findings: Sequence[Finding]) -> Iterable[str]:
    if not findings:
        return
    yield "<h2>What was found</h2><table><tr><th></th><th>what</th><th>rows</th></tr>"
    for one in findings:
        rows = (
            f"{one.rows:,}: {', '.join(map(str, one.as_json()['first_rows']))}" if one.rows and one.first_rows else ""
        )
        where = f" ({_said(one.where)})" if one.where else ""
        remedy = f'<br><span class="remedy">{_said(one.remedy)}</span>' if one.remedy else ""
        yield f"<tr><td>{_SEVERITY[one.severity]}</td><td>{_said(one.sentence)}{where}{remedy}</td><td>{rows}</td></tr>"
    yield "</table>"


def _page(title: str, colour: str, parts: Iterable[str]) -> str:
    return _SKELETON.format(title=_said(title), colour=colour, body="\n".join(parts))


def _heading(text: str) -> str:
    return f"<h1>{_said(text)}</h1>"


def _paragraph(text: str) -> str:
    return f"<p>{_said(text)}</p>" if text else ""


def _code(text: str) -> str:
    return f"<code>{_said(text)}</code>"


def _table(rows: Iterable[tuple[str, object]]) -> str:
    lines = "".join(f"<tr><th>{_said(word)}</th><td>{_said(value)}</td></tr>" for word, value in rows)
    return f"<table>{lines}</table>"


def _said(text: object) -> str:
    """Foreign text as a page may show it."""
    return html.escape(_DANGEROUS.sub("�", str(text)))
