from typing import Any

from tests.doubles.sendgrid_mails import Attachment, Person, mails


def sent(**more: Any) -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": "ada@example.com"}], "substitutions": {"-a-": "Ada", "-b-": "<b>"}}],
        "from": {"email": "sender@example.com"},
        "subject": "To -a-",
        "content": [{"type": "text/plain", "value": "-a- -b- -c-"}, {"type": "text/html", "value": "<p>-b-</p>"}],
        "mail_settings": {"footer": {"enable": False}},
        "tracking_settings": {
            name: {"enable": False}
            for name in ("click_tracking", "open_tracking", "subscription_tracking", "ganalytics")
        },
        **more,
    }


def test_tags_are_replaced_as_plain_text_in_subject_and_content() -> None:
    (mail,) = mails(sent(), "id")
    assert (mail.subject, mail.text, mail.html) == ("To Ada", "Ada <b> -c-", "<p><b></p>")
    assert not mail.ambiguous


def test_tags_in_headers_and_custom_args_stay() -> None:
    document = sent()
    document["personalizations"][0] |= {"headers": {"X-A": "-a-"}, "custom_args": {"k": "-a-"}}
    (mail,) = mails(document, "id")
    assert (mail.headers, mail.custom_args) == ({"X-A": "-a-"}, {"k": "-a-"})


def test_a_tag_that_one_person_lacks_is_left_over() -> None:
    document = sent()
    document["personalizations"].append({"to": [{"email": "b@example.com"}], "substitutions": {"-a-": "B"}})
    first, second = mails(document, "id")
    assert first.left_tags == ()
    assert second.left_tags == ("-b-",)


def test_a_value_that_holds_another_tag_is_ambiguous() -> None:
    document = sent()
    document["personalizations"][0]["substitutions"]["-a-"] = "x-b-"
    (mail,) = mails(document, "id")
    assert mail.ambiguous


def test_what_a_person_has_wins_over_what_all_share() -> None:
    document = sent(headers={"X-A": "1", "X-B": "1"}, custom_args={"a": "1"})
    document["personalizations"][0] |= {"subject": "Own", "headers": {"X-A": "2"}, "custom_args": {"a": "2"}}
    (mail,) = mails(document, "id")
    assert (mail.subject, mail.headers, mail.custom_args) == ("Own", {"X-A": "2", "X-B": "1"}, {"a": "2"})


def test_what_is_not_stated_as_off_shows_in_the_mail() -> None:
    (mail,) = mails(sent(tracking_settings={}, mail_settings={}), "id")
    for mark in ("[footer]", "[clicks tracked]", "[opens tracked]", "[unsubscribe by SendGrid]", "[analytics]"):
        assert mark in (mail.html or "")
        assert mark in (mail.text or "")


def test_people_and_attachments_are_kept() -> None:
    attachment = {
        "content": "eA==",
        "filename": "a.png",
        "type": "image/png",
        "disposition": "inline",
        "content_id": "c",
    }
    (mail,) = mails(sent(attachments=[attachment], reply_to={"email": "r@example.com", "name": "R"}), "id")
    assert (mail.to, mail.from_) == ((Person("ada@example.com"),), Person("sender@example.com"))
    assert mail.reply_to == Person("r@example.com", "R")
    assert mail.attachments == (Attachment("a.png", "image/png", "inline", "c", b"x"),)
    assert mail.request_id == "id"
