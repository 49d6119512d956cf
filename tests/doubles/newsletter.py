"""A newsletter for a thousand people as life has them: in MJML and in Markdown, with a sheet, a picture, and settings."""

import base64
import csv
import io
from pathlib import Path

PUBLIC = "https://mail.mergecast-fair.org"
SENDER = ("Grüße, Müller & Söhne", "news@mergecast-fair.org")
REPLY_TO = ("Office", "office@mergecast-fair.org")
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
FIELDS = ("First Name", "Last Name", "Company", "City", "Points", "Interests", "Note")
SETTINGS = f"""
zone = "Europe/Berlin"
public_url = "{PUBLIC}"
[sender]
from = '"{SENDER[0]}" <{SENDER[1]}>'
reply_to = "{REPLY_TO[0]} <{REPLY_TO[1]}>"
"""

MJML = """---
subject: {% if first_name %}{{ first_name }}, {% endif %}your {{ points }} points & “more”
layout: sheet
---
{% if first_name %}<mj-section><mj-column><mj-text>Dear {{ first_name }} {{ last_name }},</mj-text></mj-column></mj-section>
{% else %}<mj-section><mj-column><mj-text>Dear friend,</mj-text></mj-column></mj-section>{% endif %}
<mj-section><mj-column>
  <mj-image src="pictures/kiln.png" alt="The kiln of {{ city }}" width="40px"></mj-image>
  {% if points > 500 %}<mj-text>You have <b>{{ points }}</b> points, {{ company }}!</mj-text>{% endif %}
  <mj-button href="https://shop.example.org/?n={{ first_name|urlencode }}&c={{ company }}">Look around</mj-button>
</mj-column></mj-section>
{% for interest in interests|split(";") %}
<mj-section><mj-column><mj-text css-class="interest"><h2>{{ loop.index }}. {{ interest }}</h2></mj-text></mj-column></mj-section>
{% endfor %}
<mj-section><mj-column><mj-text>{{ note }}</mj-text></mj-column></mj-section>
"""
LAYOUT = """<mjml>
  <mj-head><mj-attributes><mj-text font-size="15px" /></mj-attributes>
    <mj-style>.interest h2 { color: #9c4a2f } a:hover { color: red }</mj-style></mj-head>
  <mj-body>
    {% block content %}{% endblock %}
    <mj-section><mj-column><mj-text>Müller & Söhne, <a href="{{ unsubscribe_url }}">no more</a></mj-text></mj-column></mj-section>
  </mj-body>
</mjml>
"""
MARKDOWN = """---
subject: {{ points }} points for {{ first_name|default("you") }}
layout: page
---
# Dear {{ first_name|default("friend") }} {{ last_name }},

![The kiln](pictures/kiln.png)

{% if points > 500 %}
You have **{{ points }}** points, *{{ company }}*!
{% endif %}

{% for interest in interests|split(";") %}
- {{ interest }}
{% endfor %}

| of     | what           |
|--------|----------------|
| {{ city }} | {{ company }} |

[Look around](https://shop.example.org/?n={{ first_name|urlencode }})

{% if note %}
{{ note }}
{% endif %}

[no more]({{ unsubscribe_url }})
"""
PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><style>p { margin: 0 0 1em } td > b { color: red }</style></head>
<body><div class="mail">{% block content %}{% endblock %}</div></body></html>
"""

FIRST = (
    "Ada",
    "Zoë",
    "Jean-Luc",
    "Ø. Åse",
    "李小龍",
    "さくら",
    "مريم",
    "שרה",
    "Дарья",
    "",
    "D'Arcy",
    "Nguyễn",
    "<b>Bold</b>",
    "A & B",
    '"Q"',
)
LAST = ("Lovelace", "O'Neill", "Müller-Lüdenscheidt", "王", "العربي", "כהן", "Иванова", "", "van der Berg")
COMPANY = (
    "Müller & Söhne",
    "O'Reilly's",
    "株式会社",
    "{{ 7 * 7 }}",
    "A*b_c* [d](e)",
    "50 % off; 2 > 1",
    "",
    "=1+1",
    "Łódź \\ Co",
)
CITY = ("Ulm", "Kraków", "東京", "القاهرة", "", "St. John's")
INTERESTS = ("clay", "clay; glazes", "", "bowls; O'Keeffe; 陶芸", "kiln; <wheel>; a & b; نار")
NOTES = ("", "See you.", ".\n.hidden\nFrom here on", "Grüße  aus   Ulm", "1. one\n2. two", "# no heading", "tab\there", "-- \nyours", "a=3D?=20")  # fmt: skip


def people(count: int) -> list[dict[str, str]]:
    """Rows of every kind beside every other; some notes are longer than SendGrid takes in a substitution."""
    rows = []
    for n in range(count):
        note = NOTES[n % len(NOTES)]
        if n % 97 == 0:
            note = f"Dear diary {n}: " + "lorem ipsum – ünïcödé 陶. " * (20 if n % 2 else 500)
        rows.append(
            {
                "E-Mail": f"p{n}@mergecast-{'fair' if n % 3 else 'guild'}.org",
                "First Name": FIRST[n % len(FIRST)],
                "Last Name": LAST[n // 2 % len(LAST)],
                "Company": COMPANY[n // 3 % len(COMPANY)],
                "City": CITY[n // 5 % len(CITY)],
                "Points": str(n),
                "Interests": INTERESTS[n // 7 % len(INTERESTS)],
                "Note": note.strip(),
            }
        )
    return rows


def write_newsletter(folder: Path, rows: list[dict[str, str]]) -> None:
    """The sheet, both templates with their layouts, and the picture, in the workspace `folder`."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    (folder / "people.csv").write_text(file.getvalue(), encoding="utf-8", newline="")
    templates = folder / "templates"
    (templates / "pictures").mkdir()
    (templates / "pictures" / "kiln.png").write_bytes(PICTURE)
    for name, text in {
        "news.mjml": MJML,
        "news.md": MARKDOWN,
        "layouts/sheet.mjml": LAYOUT,
        "layouts/page.html": PAGE,
    }.items():
        (templates / name).write_text(text, encoding="utf-8")
