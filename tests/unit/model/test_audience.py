from datetime import timedelta

import pytest

from campaigns.errors import ConditionError, UsageError
from campaigns.model.audience import EVERYBODY, Audience


def test_nothing_typed_is_everybody_and_leaves_no_trace() -> None:
    assert Audience.read() == EVERYBODY
    assert not EVERYBODY
    assert (EVERYBODY.pack(), EVERYBODY.as_json()) == ("", None)
    assert Audience.unpack("") == EVERYBODY


def test_what_is_kept_is_read_back() -> None:
    audience = Audience.read(" country = 'DE'\n", ["vips", "press", "vips"], "28d")
    assert audience == Audience("country = 'DE'", ("vips", "press"), timedelta(days=28))
    assert Audience.unpack(audience.pack()) == audience
    assert audience.as_json() == {"where": "country = 'DE'", "exclude": ["vips", "press"], "not_mailed_in": "28d"}


def test_an_empty_condition_is_no_condition_for_everybody() -> None:
    """As a script would give it whose variable is not set."""
    with pytest.raises(ConditionError, match="The condition is empty"):
        Audience.read("")


@pytest.mark.parametrize(
    ("text", "sentence"), [("30", "no length of time"), ("", "no length"), ("0d", "nobody was mailed"), ("11y", "'y'")]
)
def test_a_time_that_is_none_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Audience.read(not_mailed_in=text)


def test_lists_are_bounded() -> None:
    with pytest.raises(UsageError, match="101 lists"):
        Audience.read(exclude=[f"list {n}" for n in range(101)])
