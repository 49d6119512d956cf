import pytest

from campaigns.errors import MergecastError
from campaigns.model.warm_up import WarmUp, said_limit


@pytest.mark.parametrize(
    ("text", "first", "last", "days"),
    [
        ("sendgrid", "20/h", "2603222/h", 36),
        (" Daily ", "50/d", "4000000/d", 17),
        ("5/h,50/h, 2000/d", "5/h", "2000/d", 3),
    ],
)
def test_a_table_is_named_or_written_out(text: str, first: str, last: str, days: int) -> None:
    table = WarmUp.parse(text)
    assert (str(table.steps[0]), str(table.steps[-1]), len(table.steps)) == (first, last, days)
    assert WarmUp.parse(str(table)) == table


def test_a_table_may_name_whose_days_it_means() -> None:
    assert WarmUp.parse("daily UTC").by_days_of("Europe/Berlin").zone == "UTC"
    assert WarmUp.parse("50/d, 100/d America/New_York").zone == "America/New_York"
    assert WarmUp.parse("50/d, 100/d").by_days_of("Europe/Berlin").zone == "Europe/Berlin"
    assert str(WarmUp.parse("50/d, 100/d America/New_York")) == "50/d, 100/d America/New_York"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no step"),
        ("slowly", "“slowly” is no step"),
        ("50/d, 100/s", "“100/s” is no step"),
        ("50/d burst 3", "is no step"),
        ("0/d", "is no step"),
        ("100/d, 50/d", "goes down, from 100/d to 50/d"),
        ("5/h, 100/d", "goes down"),
        ("daily Europe/Berln", "no time zone"),
        (", ".join(["1/d"] * 1_001), "more than 1,000 days"),
    ],
)
def test_what_is_no_warm_up_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(MergecastError) as refused:
        WarmUp.parse(text)
    assert said in refused.value.sentence
    assert refused.value.remedy


def test_a_step_is_said_in_words() -> None:
    assert list(map(said_limit, WarmUp.parse("2000/d, 500/h").steps)) == ["2,000 a day", "500 an hour"]
