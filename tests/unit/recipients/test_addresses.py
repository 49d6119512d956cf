import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.recipients.addresses import Address, AddressReader

LOCAL = st.text("abcXYZ019!#$%&'*+-/=?^_`{|}~.@ \"(),:;<>[\\]éß中\u0301", min_size=0, max_size=70)
DOMAIN = st.one_of(
    st.sampled_from(
        ["example.com", "EXAMPLE.com", "münchen.example.org", "a.b.example.net", "xn--mnchen-3ya.de", "x.test", "local"]
    ),
    st.text("abzAZ019-._é", max_size=20),
)


def read(text: str) -> Address | str:
    return AddressReader().read(text)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.one_of(LOCAL, st.sampled_from(["ann", "Info", "a.b+tag"])), DOMAIN), min_size=1, max_size=4)
)
def test_the_quick_way_agrees_with_email_validator(parts):
    reader = AddressReader()
    for local, domain in [*parts, *parts]:  # the second time its domain is known
        given_text = f"{local}@{domain}".strip()
        try:
            valid = validate_email(given_text, check_deliverability=False)
        except EmailNotValidError:
            assert isinstance(reader.read(given_text), str)
        else:
            address = reader.read(given_text)
            assert isinstance(address, Address)
            assert address.wire == f"{valid.local_part}@{valid.ascii_domain}"
            assert address.domain == valid.ascii_domain


@pytest.mark.parametrize("length", [240, 241, 242, 243, 300])
def test_the_longest_address_is_the_same_when_its_domain_is_known(length):
    reader = AddressReader()
    reader.read("a@example.com")
    domain = ".".join(["x" * 60] * 5)[: length - 2].rstrip(".") + ".com"
    for text in (f"a@{domain}", f"b@{domain}", f"{'c' * 60}@{domain}"):
        try:
            validate_email(text, check_deliverability=False)
        except EmailNotValidError:
            assert isinstance(reader.read(text), str)
        else:
            assert isinstance(reader.read(text), Address)


def test_an_address_is_folded_to_the_person_and_kept_for_the_wire():
    assert read("Ann.Lee+News@Example.COM") == Address(
        folded="ann.lee+news@example.com", domain="example.com", wire="Ann.Lee+News@example.com"
    )


def test_an_international_domain_becomes_a_labels():
    assert read("ann@Bücher.example.com") == read("ann@xn--bcher-kva.example.com")


def test_composed_and_decomposed_letters_are_one_person():
    composed, decomposed = read("zoé@example.com"), read("zoe\u0301@example.com")
    assert isinstance(composed, Address)
    assert isinstance(decomposed, Address)
    assert composed.folded == decomposed.folded == "zoé@example.com"


@pytest.mark.parametrize("around", [" {}", "{}  ", "\t{}\n", "\u00a0{}", "\u200b{}", "{}\ufeff"])
def test_blanks_around_an_address_are_ignored(around):
    assert read(around.format("ann@example.com")) == read("ann@example.com")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ann@", "“ann@” has nothing after the @."),
        ("@example.com", "“@example.com” has nothing before the @."),
        ("ann.example.com", "“ann.example.com” has no @."),
        ("a@b@example.com", "“a@b@example.com” has more than one @."),
        (
            "a@example.com; b@example.com",
            "“a@example.com; b@example.com” holds more than one address: copy the row for each of them, and leave one in each cell.",
        ),
        (
            "Ann <ann@example.com>",
            "“Ann <ann@example.com>” holds more than the address: put the name into a column of its own.",
        ),
        ("an n@example.com", "“an n@example.com” has a blank inside."),
        ("ann@example", "“ann@example” has no dot after the @: the domain is not whole."),
        ("ann@example,com", "“ann@example,com” has a comma after the @, where a dot belongs."),
        ("ann@example..com", "“ann@example..com” has two dots in a row."),
        (
            "mailto:ann@example.com",
            "“mailto:ann@example.com” begins with “mailto:”: only the address belongs into the cell.",
        ),
        ("", "The address cell is empty."),
    ],
)
def test_a_refusal_says_in_plain_words_what_is_wrong(text, reason):
    assert read(text) == reason


def test_a_rare_mistake_is_told_in_the_validators_words():
    assert str(read("ann@exam_ple.com")).startswith("“ann@exam_ple.com” is no address: ")


def test_a_long_cell_is_cut_in_the_reason():
    assert len(str(read("x" * 5000))) < 100


def test_control_characters_do_not_reach_the_reason():
    assert "\x1b" not in str(read("a\x1b[31mnn"))


def test_line_breaks_inside_are_refused():
    assert isinstance(read("ann@example.com\r\nBcc: x@example.com"), str)
