import pytest

from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.naming import CampaignTold
from campaigns.errors import CampaignError, TemplateError, ThrottleError, UsageError, WhenError
from campaigns.model.states import CampaignKind, CampaignState
from campaigns.store import campaigns
from tests.doubles.desks import history_of
from tests.doubles.workspaces import LETTER, SENDER, import_lines, with_settings, write_template


@pytest.fixture(autouse=True)
def _letter_and_people(desk: Desk) -> None:
    write_template(desk)
    import_lines(desk)


def make(desk: Desk, name: str = "spring", **options: object) -> CampaignTold:
    return create(desk, name, **{"template": "letter", "list_name": "people", **options})  # type: ignore[arg-type]


def test_a_campaign_begins_as_a_draft_and_a_rehearsal_that_starts_at_once(desk: Desk) -> None:
    assert make(desk).as_json()["campaign"] == {
        "name": "spring",
        "state": "draft",
        "reason": "",
        "list": "people",
        "sheet": None,
        "template": "templates/letter.html",
        "version": None,
        "transport": "local",
        "leaves": False,
        "starts": {"at": None, "wall": "", "zone": "UTC"},
        "throttles": [],
        "hold": "",
        "windows": [],
        "holidays": "",
        "times": None,
        "late": "ask",
        "pause_above": "",
        "canary": None,
        "audience": None,
        "series": None,
    }


def test_options_are_kept_in_the_form_that_the_worker_reads(desk: Desk) -> None:
    told = make(desk, transport="relay", at="1.12.2026 09:00", zone="Europe/Berlin", throttles=["20/sec", "50000/day"])
    assert told.as_json()["campaign"]["starts"] == {
        "at": "2026-12-01T08:00:00+00:00",
        "wall": "2026-12-01T09:00",
        "zone": "Europe/Berlin",
    }
    assert told.campaign.throttles == "20/s\n50000/d"
    assert told.campaign.leaves
    assert told.campaign.late_after == 3600
    assert told.campaign.give_up_after == 24 * 3600


def test_the_sender_is_the_option_s_then_the_front_matter_s_then_the_settings(desk: Desk) -> None:
    assert make(desk).campaign.sender == SENDER
    write_template(desk, LETTER.replace("---\n", "---\nfrom: Bob <bob@mergecast-fair.org>\n", 1))
    assert make(desk, "summer").campaign.sender == "Bob <bob@mergecast-fair.org>"
    assert make(desk, "autumn", sender="cy@mergecast-fair.org").campaign.sender == "cy@mergecast-fair.org"


def test_transactional_is_said_by_the_option_or_the_front_matter(desk: Desk) -> None:
    assert make(desk).campaign.kind is CampaignKind.BULK
    told = make(desk, "summer", transactional=True)
    assert (told.campaign.kind, told.campaign.give_up_after) == (CampaignKind.TRANSACTIONAL, 72 * 3600)
    write_template(desk, LETTER.replace("---\n", "---\nkind: transactional\n", 1))
    assert make(desk, "autumn").campaign.kind is CampaignKind.TRANSACTIONAL


def test_each_campaign_has_a_salt_of_its_own(desk: Desk) -> None:
    salts = {make(desk, name).campaign.tag_salt for name in ("spring", "summer")}
    assert len(salts) == 2
    assert all(len(salt) == 16 for salt in salts)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"template": "leter"}, TemplateError, "Did you mean letter"),
        ({"list_name": "peple"}, UsageError, "Did you mean people"),
        ({"transport": "rely"}, UsageError, "Did you mean relay"),
        ({"at": "01/02/2026 09:00"}, WhenError, "2026"),
        ({"at": "2020-01-01 09:00"}, WhenError, "later"),
        ({"zone": "Europe/Berln"}, WhenError, "Europe/Berlin"),
        ({"throttles": ["fast"]}, ThrottleError, "20/s"),
        ({"sender": "ada, bob"}, UsageError, "ada@example.org"),
        ({"sender": "ada@example.org\nBcc: eve@example.net"}, UsageError, "ada@example.org"),
        ({"name": " "}, UsageError, "spring"),
        ({"name": "a\x1bb"}, UsageError, "spring"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy_and_makes_nothing(
    desk: Desk, options: dict[str, object], error: type[UsageError], words: str
) -> None:
    with pytest.raises(error) as raised:
        make(desk, **options)
    assert words in raised.value.remedy
    with desk.store.read() as conn:
        assert campaigns.names(conn) == []


def test_a_name_is_taken_once(desk: Desk) -> None:
    make(desk)
    with pytest.raises(CampaignError, match="already"):
        make(desk)


def test_a_draft_can_be_replaced_and_is_as_if_new(desk: Desk) -> None:
    first = make(desk, transport="relay", throttles=["1/s"]).campaign
    second = make(desk, replace=True).campaign
    assert (second.id, second.transport, second.throttles) == (first.id, "local", "")
    assert second.tag_salt != first.tag_salt
    assert [verb for _, verb, _ in history_of(desk.store)] == ["import", "create", "create"]


def test_a_campaign_that_was_queued_is_not_replaced(desk: Desk) -> None:
    campaign = make(desk).campaign
    with desk.store.write() as conn:
        campaigns.change_state(conn, campaign.id, CampaignState.SCHEDULED, allowed=[CampaignState.DRAFT])
    with pytest.raises(CampaignError):
        make(desk, replace=True)


def test_a_list_whose_first_import_never_ended_is_none(desk: Desk) -> None:
    from campaigns.store import lists

    with desk.store.write() as conn:
        lists.keep(conn, "half")
    with pytest.raises(UsageError, match="no list"):
        make(desk, list_name="half")


def test_the_settings_sender_may_come_later(desk: Desk) -> None:
    assert make(with_settings(desk, sender={})).campaign.sender == ""
