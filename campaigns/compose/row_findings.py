"""What is said of single rows while they are rendered."""

from campaigns.compose.compiled import Compiled
from campaigns.model.finding import Finding
from campaigns.model.states import Severity


def empty_field(name: str, compiled: Compiled) -> Finding:
    where, _ = compiled.chart.where(*(compiled.survey.printed.get(name) or compiled.survey.used[name]), name)
    return Finding(
        "empty_field",
        Severity.WARNS,
        f"The merge field {name} is empty where the mail prints it.",
        f'Write {{{{ {name}|default("...") }}}}, or ask first: {{% if {name} %}}.',
        str(where),
        field=name,
    )


def unusable_character(template: str, row: int) -> Finding:
    return Finding(
        "unusable_character",
        Severity.LEAVES_OUT,
        "A printed value holds a character that no mail may hold (NUL, or half a character).",
        "Type the cell again.",
        template,
        1,
        (row,),
    )


def unfit_link(link: str, name: str, template: str, row: int) -> Finding:
    """`name`: the column that the link comes from, "" for a computed one."""
    where = f"column {name}" if name else template
    sentence = (
        f"“{link[:60]}” is no link that a mail may hold." if link else "A link leads nowhere: its value is empty."
    )
    remedy = "Links begin with https:, http:, mailto: or tel:."
    if not link:
        remedy += f" Or print the link only where there is one: {{% if {name or 'field'} %}}."
    return Finding("unfit_link", Severity.LEAVES_OUT, sentence, remedy, where, 1, (row,), name)


def rows_not_printed(template: str) -> Finding:
    return Finding(
        "rows_not_printed",
        Severity.WARNS,
        "The person has several rows in this mail, and the template prints only the first.",
        "Print all of them, {% for one in rows %}...{% endfor %}, or import the sheet with --repeated each.",
        template,
    )


def rows_disagree(name: str, compiled: Compiled) -> Finding:
    where, _ = compiled.chart.where(*compiled.survey.used[name], name)
    return Finding(
        "rows_disagree",
        Severity.WARNS,
        f"The rows of one person differ in {name}, which the mail takes from the first of them.",
        f"Print it for each row: {{% for one in rows %}}{{{{ one.{name} }}}}{{% endfor %}}.",
        str(where),
    )


def no_attachment(row: int, empty: str, compiled: Compiled) -> Finding:
    """`empty`: the fields that the file's name takes and that are empty."""
    where, source_line = compiled.chart.where(f"{compiled.file}#attachments", 1)
    return Finding(
        "no_attachment",
        Severity.LEAVES_OUT,
        f"The row names no file where the others have one: {f'{empty} is empty' if empty else source_line}.",
        "Fill the cell in. If some people shall get none, ask first: "
        f"attachments: {{% if {empty or 'file'} %}}{{{{ {empty or 'file'} }}}}{{% endif %}}",
        str(where),
        1,
        (row,),
    )


def unknown_language(content: str, usual: str, column: str) -> Finding:
    return Finding(
        "unknown_language",
        Severity.WARNS,
        f"“{content[:40]}” is no language: dates and numbers are written as usual ({usual}).",
        "Write a code or a name, such as de, fr-CH or German, or name another column: `locale: ...` in the first lines.",
        f"column {column}",
    )


def layout_differs(template: str) -> Finding:
    return Finding(
        "layout_differs",
        Severity.STOPS,
        "The mail would not read as the template says.",
        "A {% filter %} block around merge fields, or a test on a {% set %} block that holds some, may be"
        " the cause: put filters and tests on the merge fields themselves.",
        template,
    )
