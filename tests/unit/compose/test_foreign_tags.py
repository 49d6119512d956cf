"""Tags of other mail programs, in templates that were made for them."""

import pytest
from rendering import job, source

from campaigns.compose.foreign import in_braces, in_words
from campaigns.compose.render import Session
from campaigns.errors import TemplateError

KNOWN = ("first_name", "email", "unsubscribe_url", "view_url", "order")


@pytest.mark.parametrize(
    ("tag", "write"),
    [
        ("{{#each items}}", "{% for one in rows %}"),
        ("{{/each}}", "{% endfor %}"),
        ("{{#if vip}}", "{% if vip %}"),
        ("{{#unless vip}}", "{% if not vip %}"),
        ("{{/if}}", "{% endif %}"),
        ("{{#discount}}", "{% if discount %}"),
        ("{{^discount}}", "{% if not discount %}"),
        ("{{/discount}}", "{% endif %}"),
        ("{{> header}}", '{% include "header.html" %}'),
        ("{{!-- remark --}}", "{# and #}"),
        ("{{{ body }}}", "{{ body|safe }}"),
        ('{{var:first_name:"you"}}', "{{ first_name }}"),
    ],
)
def test_each_gets_what_to_write_here(tag, write):
    sentence, remedy, words = in_braces(f"<p>one</p>\n<p>{tag}</p>", 2) or ("", "", "")
    assert sentence.startswith(f"{tag} is another mail program's")
    assert write in remedy
    assert words == tag


def test_all_lines_with_such_tags_are_named_at_once():
    body = "<p>{{#each items}}\n{{ price }}\n{{/each}}</p>\n{{#if x}}{{/if}}"
    with pytest.raises(TemplateError) as caught:
        Session(job(source(body)))
    assert "Such tags stand in lines 6, 7, too." in caught.value.sentence
    assert (caught.value.where.line, caught.value.where.column) == (4, "4")


def test_a_plain_mistake_is_none_of_another_program():
    assert in_braces("{{ first_name", 1) is None
    assert in_braces("{{ first name }}", 1) is None


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("*|FNAME|*", "{{ first_name }}"),
        ("*|MC:SUBJECT|*", "words of your own"),
        ("%%FirstName%%", "{{ first_name }}"),
        ("[[FirstName]]", "{{ first_name }}"),
        ("[[POSTAL_ADDRESS]]", "words of your own"),
        ("%FIRSTNAME%", "{{ first_name }}"),
        ("%recipient.email%", "{{ email }}"),
        ("${firstName}", "{{ first_name }}"),
        ("{!Contact.Name}", "words of your own"),
        ("{$email}", "{{ email }}"),
        ("<%= first_name %>", "{{ first_name }}"),
        ("{firstname}", "{{ first_name }}"),
        ("[firstname,fallback=you]", "{{ first_name }}"),
        ("*|UNSUB|*", "{{ unsubscribe_url }}"),
        ("[Product Name]", "Write your own words"),
        ("[Company Name, LLC]", "Write your own words"),
    ],
)
def test_what_people_would_read_is_said(words, remedy):
    found = list(in_words(f"Dear {words}, hello", KNOWN))
    assert [(one.code, one.words, remedy in one.remedy) for one in found] == [("unfilled_field", words, True)]


@pytest.mark.parametrize(
    "text", ["50% off, 20% more", "[1] [sic] [link]", "{x} {} ${} a_[b]", "100%OFF%", "<< >> «Bonjour»"]
)
def test_nothing_is_said_of_signs_that_mean_themselves(text):
    assert list(in_words(text, KNOWN)) == []
