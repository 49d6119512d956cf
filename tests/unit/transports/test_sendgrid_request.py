"""The requests, field by field; what people get from them is read from the double, which knows nothing of ours."""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.message import fill
from campaigns.message.attachment import Attachment
from campaigns.message.message import Message, handle, list_headers
from campaigns.message.shape import UNSUBSCRIBE_URL, VIEW_URL, Escape, Hole, InlineImage, Shape
from scheduler.transports import sendgrid_request
from scheduler.transports.sendgrid_request import Request, requests, tag_key
from tests.doubles.sendgrid_mails import Mail, mails
from tests.doubles.sendgrid_messages import CONSTANT, SENDER, SHAPE, a_message
from tests.doubles.sendgrid_rules import faults

KEY = tag_key(SENDER)


def document(*messages: Message) -> dict[str, Any]:
    (request,) = requests(messages)
    read: dict[str, Any] = json.loads(request.body)
    return read


def received(messages: list[Message]) -> dict[str, Mail]:
    """Each person's mail, by address, after the service has found nothing wrong."""
    got: dict[str, Mail] = {}
    for request in requests(messages):
        read = json.loads(request.body)
        assert faults(read) == []
        for mail in mails(read, "id"):
            assert mail.to[0].email not in got
            got[mail.to[0].email] = mail
    return got


def carried(built: list[Request]) -> list[tuple[int, ...]]:
    return [request.places for request in built]


def test_from_and_reply_to_stand_at_the_root() -> None:
    read = document(a_message(1), a_message(2))
    assert read["from"] == {"email": "ada@example.com", "name": "Ada Lovelace"}
    assert read["reply_to"] == {"email": "answers@example.com", "name": "Answers"}


def test_a_sender_without_a_name_and_reply_to_gives_neither() -> None:
    read = document(a_message(sender=replace(SENDER, name="", reply_to="")))
    assert read["from"] == {"email": "ada@example.com"}
    assert "reply_to" not in read


def test_a_senders_name_may_hold_commas_semicolons_and_any_letters() -> None:
    sender = replace(SENDER, name="Müller; Söhne, Köln", reply_to='"Fragen, Antworten" <fragen@example.com>')
    mail = received([a_message(sender=sender)])["person1@example.com"]
    assert mail.from_.name == "Müller; Söhne, Köln"
    assert mail.reply_to is not None
    assert (mail.reply_to.name, mail.reply_to.email) == ("Fragen, Antworten", "fragen@example.com")


def test_white_space_in_a_senders_name_becomes_one_blank() -> None:
    assert document(a_message(sender=replace(SENDER, name="Ada\r\nBcc: x")))["from"]["name"] == "Ada Bcc: x"


def test_each_personalization_has_exactly_one_to_and_no_name() -> None:
    read = document(a_message(1), a_message(2))
    assert [one["to"] for one in read["personalizations"]] == [
        [{"email": "person1@example.com"}],
        [{"email": "person2@example.com"}],
    ]
    assert not any("cc" in one or "bcc" in one for one in read["personalizations"])


def test_a_subject_with_holes_is_a_value_of_each_person() -> None:
    read = document(a_message(1, "Ada", ""), a_message(2, "Grace\r\nBcc: x", ""))
    subjects = [one["subject"] for one in read["personalizations"]]
    assert subjects == ["Dear Ada, your order", "Dear Grace Bcc: x, your order"]
    assert "subject" not in read


def test_a_constant_subject_stands_once() -> None:
    read = document(a_message(1, shape=CONSTANT), a_message(2, shape=CONSTANT))
    assert read["subject"] == "News"
    assert not any("subject" in one for one in read["personalizations"])


def test_text_stands_before_html() -> None:
    assert [part["type"] for part in document(a_message(1), a_message(2))["content"]] == ["text/plain", "text/html"]


def test_a_mail_without_html_has_one_part() -> None:
    assert document(a_message(shape=CONSTANT))["content"] == [{"type": "text/plain", "value": "Same for all.\n"}]


def test_an_empty_part_is_left_out() -> None:
    shape = Shape(subject=("s",), text=(), html=("<p>h</p>",))
    assert [part["type"] for part in document(a_message(shape=shape))["content"]] == ["text/html"]


def test_a_mail_that_is_empty_has_one_line() -> None:
    assert document(a_message(shape=Shape(subject=("s",), text=())))["content"] == [
        {"type": "text/plain", "value": "\n"}
    ]


def test_every_tag_is_given_the_empty_value_too() -> None:
    read = document(a_message(1, "", ""), a_message(2, "<x>", ""))
    assert [len(one["substitutions"]) for one in read["personalizations"]] == [4, 4]
    assert sorted(read["personalizations"][0]["substitutions"].values())[:3] == ["", "", ""]


def test_a_slot_has_one_tag_for_each_escape() -> None:
    shape = Shape(
        subject=("s",),
        text=(Hole(0, Escape.PLAIN), Hole(0, Escape.PLAIN)),
        html=(Hole(0, Escape.HTML), Hole(0, Escape.HTML), Hole(0, Escape.HTML_URL_PART)),
    )
    read = document(a_message(1, "a & b", shape=shape), a_message(2, "x", shape=shape))
    assert list(read["personalizations"][0]["substitutions"].values()) == ["a & b", "a &amp; b", "a%20%26%20b"]


def test_what_reads_alike_for_all_has_one_tag() -> None:
    shape = Shape(
        subject=("s",),
        text=(Hole(0, Escape.PLAIN), " ", Hole(1, Escape.PLAIN)),
        html=(Hole(0, Escape.HTML), "<br>", Hole(1, Escape.HTML)),
    )
    messages = [a_message(1, "Ada", "a & b", shape=shape), a_message(2, "Bob", "x", shape=shape)]
    each = [list(one["substitutions"].values()) for one in document(*messages)["personalizations"]]
    assert each == [["Ada", "a & b", "a &amp; b"], ["Bob", "x", "x"]]
    got = received(messages)
    assert [(mail.text, mail.html) for mail in got.values()] == [
        ("Ada a & b", "Ada<br>a &amp; b"),
        ("Bob x", "Bob<br>x"),
    ]


def test_tags_are_of_one_length_closed_and_free_of_markup() -> None:
    holes = tuple(Hole(n, Escape.PLAIN) for n in range(120))
    shape = Shape(subject=("s",), text=holes)
    values = tuple(map(str, range(120)))
    tags = list(
        document(a_message(1, *values, shape=shape), a_message(2, *values, shape=shape))["personalizations"][0][
            "substitutions"
        ]
    )
    assert len({len(tag) for tag in tags}) == 1
    assert not set("<>& \t\n") & set("".join(tags))
    side_by_side = "".join(tags)
    assert all(side_by_side.count(tag) == 1 for tag in tags)


def test_tags_follow_from_the_salt_of_the_campaign() -> None:
    other = replace(SENDER, tag_salt=b"another")
    assert tag_key(SENDER) == tag_key(SENDER)
    assert tag_key(other) != tag_key(SENDER)
    assert tag_key(replace(SENDER, campaign_id=8)) != tag_key(SENDER)


def test_without_a_salt_tags_are_new_each_time() -> None:
    bare = replace(SENDER, tag_salt=b"")
    assert tag_key(bare) != tag_key(bare)


def test_a_shape_without_holes_needs_no_substitutions() -> None:
    read = document(a_message(1, shape=CONSTANT), a_message(2, shape=CONSTANT))
    assert not any("substitutions" in one for one in read["personalizations"])


def test_custom_args_carry_the_handle_as_a_string() -> None:
    read = document(a_message(1), a_message(2))
    assert [one["custom_args"] for one in read["personalizations"]] == [
        {"mergecast_message": handle(1, (1).to_bytes(8))},
        {"mergecast_message": handle(2, (2).to_bytes(8))},
    ]


def test_list_headers_and_message_id_are_each_persons_own() -> None:
    messages = [a_message(1), a_message(2), a_message(0xABCDEF)]
    for message, mail in zip(messages, received(messages).values(), strict=True):
        assert mail.headers == {
            **list_headers(message),
            "Message-ID": f"<{handle(message.id, message.token)}@example.com>",
        }


def test_the_one_click_mark_stands_once() -> None:
    read = document(a_message(1), a_message(2))
    assert read["headers"] == {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def test_transactional_mail_has_no_list_headers() -> None:
    read = document(a_message(sender=replace(SENDER, bulk=False)))
    assert "headers" not in read
    assert list(read["personalizations"][0]["headers"]) == ["Message-ID"]


def test_letters_in_header_uris_are_percent_encoded() -> None:
    sender = replace(SENDER, public_url="https://müller.example")
    header = document(a_message(sender=sender))["personalizations"][0]["headers"]["List-Unsubscribe"]
    assert header.startswith("<https://m%C3%BCller.example/u/")
    assert header.isascii()


def test_inline_images_are_attachments_with_a_content_id() -> None:
    image = InlineImage(cid="logo1", file_name="our; logo,\r\n.png", mime_type="image/png", data=b"\x89PNG\0")
    shape = Shape(subject=("s",), text=("t",), html=('<img src="cid:logo1">',), images=(image,))
    assert document(a_message(shape=shape))["attachments"] == [
        {
            "content": base64.b64encode(b"\x89PNG\0").decode(),
            "filename": "our_ logo___.png",
            "type": "image/png",
            "disposition": "inline",
            "content_id": "logo1",
        }
    ]
    (attachment,) = received([a_message(shape=shape)])["person1@example.com"].attachments
    assert attachment.data == b"\x89PNG\0"


@pytest.mark.parametrize("messages", [[a_message(1)], [a_message(1), a_message(2)]], ids=["alone", "together"])
def test_every_request_states_all_tracking_and_the_footer_as_off(messages: list[Message]) -> None:
    read = document(*messages)
    assert read["mail_settings"] == {"footer": {"enable": False}}
    assert read["tracking_settings"] == {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
        "subscription_tracking": {"enable": False},
        "ganalytics": {"enable": False},
    }


def test_one_message_goes_with_literal_content() -> None:
    read = document(a_message(1, "Ada & Co", "x"))
    assert "substitutions" not in read["personalizations"][0]
    assert "Dear Ada &amp; Co" in read["content"][1]["value"]


def test_a_nul_in_a_value_shifts_nobody_elses_values() -> None:
    shape = Shape(subject=("s",), text=(Hole(0, Escape.PLAIN),))
    got = received([a_message(1, "a\0b", shape=shape), a_message(2, "c", shape=shape), a_message(3, "d", shape=shape)])
    assert {own: mail.text for own, mail in got.items()} == dict(zip(sorted(got), ["a\0b", "c", "d"], strict=True))


def test_percent_signs_stay() -> None:
    shape = Shape(subject=("100 %s",), text=("50 %(x)d ", Hole(0, Escape.PLAIN)))
    sender = replace(SENDER, public_url="https://mail.example.org/%41%s")
    messages = [a_message(n, "20 %", shape=shape, sender=sender) for n in (1, 2)]
    for message, mail in zip(messages, received(messages).values(), strict=True):
        assert (mail.subject, mail.text) == ("100 %s", "50 %(x)d 20 %")
        assert mail.headers["List-Unsubscribe"] == list_headers(message)["List-Unsubscribe"]


def test_line_ends_in_values_become_line_feeds() -> None:
    read = document(a_message(1, "a\r\nb\rc", ""), a_message(2))
    assert "a\nb\nc" in read["personalizations"][0]["substitutions"].values()


def test_messages_of_two_shapes_go_in_two_requests() -> None:
    built = requests([a_message(1), a_message(2, shape=CONSTANT), a_message(3), a_message(4, shape=CONSTANT)])
    assert carried(built) == [(0, 2), (1, 3)]


def test_messages_of_two_senders_go_in_two_requests() -> None:
    other = replace(SENDER, reply_to="else@example.com")
    assert carried(requests([a_message(1), a_message(2, sender=other), a_message(3)])) == [(0, 2), (1,)]


def test_equal_shapes_need_not_be_the_same_object() -> None:
    assert carried(requests([a_message(1), a_message(2, shape=replace(SHAPE))])) == [(0, 1)]


def test_an_address_stands_once_a_request_whatever_its_case() -> None:
    built = requests([a_message(1, to="A@example.com"), a_message(2), a_message(3, to="a@EXAMPLE.com")])
    assert carried(built) == [(0, 1), (2,)]


@pytest.mark.parametrize("value", [f"-{KEY}0-", f"x{KEY}y", f"-{KEY}"])
def test_a_value_that_holds_the_campaigns_tags_goes_alone(value: str) -> None:
    messages = [a_message(1), a_message(2, value, "x"), a_message(3)]
    built = requests(messages)
    assert carried(built) == [(0, 2), (1,)]
    assert value in json.loads(built[1].body)["content"][0]["value"]


def test_a_template_that_holds_the_campaigns_tags_goes_to_each_alone() -> None:
    shape = Shape(subject=("s",), text=(f"see {KEY} ", Hole(0, Escape.PLAIN)))
    assert carried(requests([a_message(1, shape=shape), a_message(2, shape=shape)])) == [(0,), (1,)]


def test_ten_thousand_bytes_of_substitutions_are_taken_and_one_more_goes_alone() -> None:
    shape = Shape(subject=("s",), text=(Hole(0, Escape.PLAIN),))
    tag = 1 + len(KEY) + 1 + 1
    fits, too_much = "é" * ((10_000 - tag) // 2), "é" * ((10_000 - tag) // 2) + "xx"
    assert carried(requests([a_message(1, "a", shape=shape), a_message(2, fits, shape=shape)])) == [(0, 1)]
    assert carried(requests([a_message(1, "a", shape=shape), a_message(2, too_much, shape=shape)])) == [(0,), (1,)]


def test_what_json_escapes_counts_as_it_is() -> None:
    shape = Shape(subject=("s",), text=(Hole(0, Escape.PLAIN),))
    assert carried(requests([a_message(1, "a", shape=shape), a_message(2, '"' * 9_900, shape=shape)])) == [(0, 1)]


def test_a_request_has_at_most_ten_thousand_substitutions() -> None:
    shape = Shape(subject=("s",), text=tuple(Hole(n, Escape.PLAIN) for n in range(40)))
    messages = [a_message(n, *map(str, range(n, n + 40)), shape=shape) for n in range(1, 302)]
    assert [len(places) for places in carried(requests(messages))] == [250, 51]


def test_a_request_has_at_most_a_thousand_rows() -> None:
    messages = [a_message(n, shape=CONSTANT) for n in range(1, 1_500)]
    assert [len(places) for places in carried(requests(messages))] == [1_000, 499]


def test_a_request_is_no_larger_than_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sendgrid_request, "MOST_BYTES", 20_000)
    messages = [a_message(n, "word " * 100, "") for n in range(1, 31)]
    built = requests(messages)
    assert all(len(request.body) <= 20_000 for request in built)
    assert [place for request in built for place in request.places] == list(range(30))
    assert len(built) == 4


def test_a_request_can_leave_rows_out() -> None:
    (built,) = requests([a_message(1), a_message(2), a_message(3)])
    rest = built.without(frozenset({1}))
    assert rest.places == (0, 2)
    people = [one["to"][0]["email"] for one in json.loads(rest.body)["personalizations"]]
    assert people == ["person1@example.com", "person3@example.com"]


VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    # whole tags and parts of them; not the two halves of one: nobody who could write them knows them
    st.sampled_from(
        ["", f"-{KEY}0-", f"-{KEY}01-x", KEY, f"-{KEY[:-1]}", "--", '"', "\\u0000", "\\", "\r\n", "\u2028"]
    ),
    st.text('aé€😀"<', min_size=1, max_size=3).map(lambda part: part * 4_000),
)
PIECES = st.lists(  # layout lets no NUL into a shape
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=20),
        st.builds(Hole, st.sampled_from([0, 1, 2, UNSUBSCRIBE_URL, VIEW_URL]), st.sampled_from(Escape)),
    ),
    max_size=8,
).map(tuple)
SUBJECTS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
        st.builds(Hole, st.sampled_from([0, 1, 2]), st.just(Escape.PLAIN)),
    ),
    max_size=4,
).map(lambda pieces: ("s", *pieces))
SHAPES = st.builds(Shape, subject=SUBJECTS, text=PIECES, html=st.none() | PIECES)


@given(SHAPES, st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_each_person_gets_what_was_approved(shape: Shape, rows: list[tuple[str, str, str]]) -> None:
    messages = [a_message(n, *values, shape=shape) for n, values in enumerate(rows, 1)]
    got = received(messages)
    assert len(got) == len(messages)
    for message in messages:
        mail = got[message.to]
        assert mail.subject == fill.subject(message)
        text, html = fill.text(message), fill.html_body(message) or ""
        assert (mail.html or "") == html
        assert (mail.text or "") in ([text] if text or html else ["", "\n"])  # a wholly empty mail is refused
        assert not mail.left_tags
        assert not mail.ambiguous


# -- files


def a_file(name: str, data: bytes) -> Attachment:
    return Attachment(name, hashlib.sha256(data).hexdigest(), len(data), data)


def test_a_file_for_all_stands_once_in_a_request_beside_the_pictures() -> None:
    shape = replace(SHAPE, images=(InlineImage("logo@x", "logo.png", "image/png", b"\x89PNG\0"),))
    files = (a_file("Grüße; a, b.pdf", b"\x00\xff" * 100), a_file("b.txt", b'"\\\r\n'))
    got = received([a_message(n, shape=shape)._replace(files=files) for n in range(3)])
    assert len(got) == 3
    for mail in got.values():
        assert [(one.filename, one.type, one.disposition, one.data) for one in mail.attachments] == [
            ("logo.png", "image/png", "inline", b"\x89PNG\0"),
            ("Grüße_ a_ b.pdf", "application/pdf", "attachment", b"\x00\xff" * 100),
            ("b.txt", "text/plain", "attachment", b'"\\\r\n'),
        ]


def test_only_messages_with_the_same_files_share_a_request() -> None:
    one, other = (a_file("a.pdf", b"one"),), (a_file("a.pdf", b"other"),)
    messages = [a_message(n)._replace(files=files) for n, files in enumerate([one, other, one, (), other, ()])]
    assert sorted(carried(requests(messages))) == [(0, 2), (1, 4), (3, 5)]
    assert received(messages)["person4@example.com"].attachments[0].data == b"other"


def test_requests_with_files_stay_within_the_size_that_the_service_takes() -> None:
    files = (a_file("a.zip", b"x" * 22_000_000),)
    built = requests([a_message(n)._replace(files=files) for n in range(1_000)])
    assert all(len(request.body) == sum(map(len, request.pieces())) < 30_000_000 for request in built)
    assert sum(len(request.places) for request in built) == 1_000


def test_files_are_not_copied_for_each_request() -> None:
    files = (a_file("a.zip", b"y" * 1_000_000),)
    first, second = (requests([a_message(n)._replace(files=files)])[0] for n in range(2))
    assert max(first.pieces(), key=len) is max(second.pieces(), key=len)
