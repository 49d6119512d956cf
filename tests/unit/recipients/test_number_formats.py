"""What Excel (en-US) shows, from its own output: the tables say number, format, text."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.recipients.number_format import FormatKind, kind_of_format, show_general, show_number, show_text
from campaigns.recipients.serial_date import iso_of

ACCOUNTING = '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)'

SHOWN = [
    (1234567890000, "General", "1.23457E+12"),
    (123456789000, "General", "1.23457E+11"),
    (12345678900, "General", "12345678900"),
    (12345678.9, "General", "12345678.9"),
    (1234567.89, "General", "1234567.89"),
    (12.3456789, "General", "12.3456789"),
    (0.0123456789, "General", "0.012345679"),
    (0.000123456789, "General", "0.000123457"),
    (0.0000123456789, "General", "1.23457E-05"),
    (0.000000000123456789, "General", "1.23457E-10"),
    (-12345.6789, "General", "-12345.6789"),
    (11.666666666666666, "General", "11.66666667"),
    (5.057996968497839, "General", "5.057996968"),
    (12.333333333333343, "General", "12.33333333"),
    (-0.000006211546860868111, "General", "-6.21155E-06"),
    (0, "General", "0"),
    (0.1 + 0.2, "General", "0.3"),
    (1234567890000, "0", "1234567890000"),
    (0.5, "0", "1"),
    (2.5, "0", "3"),
    (1.005, "0.00", "1.01"),
    (12345.6789, "0.00", "12345.68"),
    (12345.6789, "#,##0", "12,346"),
    (12345.6789, "#,##0.00", "12,345.68"),
    (1234652.68499999999995, "#,###.00", "1,234,652.69"),
    (0.99, "#,###.00", ".99"),
    (-4321234, "#,##0.0", "-4,321,234.0"),
    (1000000, "#,##0.00000", "1,000,000.00000"),
    (0.123456789, "0%", "12%"),
    (0.125, "0%", "13%"),
    (12.3456789, "0.00%", "1234.57%"),
    (12345.6789, "0.00E+00", "1.23E+04"),
    (0.0000123456789, "0.00E+00", "1.23E-05"),
    (9.999, "0.00E+00", "1.00E+01"),
    (123456, "##0.0E+0", "123.5E+3"),
    (1234567, "##0.0E+0", "1.2E+6"),
    (0.123456789, "##0.0E+0", "123.5E-3"),
    (12345.6789, "#,##0_);(#,##0)", "12,346"),
    (-12345.6789, "#,##0_);(#,##0)", "(12,346)"),
    (-12345.6789, "#,##0.00_);[Red](#,##0.00)", "(12,345.68)"),
    (1234.5, ACCOUNTING, "$1,234.50"),
    (-5, ACCOUNTING, "$(5.00)"),
    (0, ACCOUNTING, "$-"),
    (1234567, "#.0000,,", "1.2346"),
    (12345, "#.0000,", "12.3450"),
    (12345, "00,000.00,", "00,012.35"),
    (12345, "00,000.00", "12,345.00"),
    (1, "#.##", "1."),
    (0, "#.##", "."),
    (0, "#,###", ""),
    (12, "#0.#", "12."),
    (0.12345, "0.0#", "0.12"),
    (15.04, "0.0#", "15.04"),
    (1000000000000.01, "0.##", "1000000000000.01"),
    (12.3456789, "0#######0.##0##0######00######0", "012.3456789000"),
    (123, "00000", "00123"),
    (941051630, "00000-0000", "94105-1630"),
    (123456789, "000-00-0000", "123-45-6789"),
    (8675309, "[<=9999999]###-####;(###) ###-####", "867-5309"),
    (2813308004, "[<=9999999]###-####;(###) ###-####", "(281) 330-8004"),
    (101000, "###\\###\\##0.00", "10#10#00.00"),
    (3.14159, '"This is a ".00"test"000', "This is a 3.14test159"),
    (-3.14159, "$#.00", "-$3.14"),
    (-3.14159, "[$INR]\\ #,##0.00", "-INR 3.14"),
    (3.14159, "[$₹-4009]\\ #,##0.00", "₹ 3.14"),
    (-3.14159, "[$£-809]#,##0.0000;\\-[$£-809]#,##0.0000", "-£3.1416"),
    (1234.5, "#,##0.00\\ [$€-407]", "1,234.50 €"),
    (-51968287, '"Rs."#,##0.00', "-Rs.51,968,287.00"),
    (1, '"foo";"bar";"baz";"qux"', "foo"),
    (-1, '"foo";"bar";"baz";"qux"', "bar"),
    (0, '"foo";"bar";"baz";"qux"', "baz"),
    (0, '"foo";"bar";@', "foo"),
    (0, "0;-0;;@", ""),
    (50, "[Red]General ;[Blue]General\\ ;[Green]Generalp", "50"),
    (0, "[Red]General ;[Blue]General\\ ;[Green]Generalp", "0p"),
    (51, "[Red][=50]General;[Blue]000", "051"),
    (49, "[Red][<>50]General;[Blue]000", "49"),
    (-26, "[Red][<-25]General;[Blue][>25]General;[Green]General", "26"),
    (-1, "[Red][<-25]General;[Blue][>25]General;[Green]General", "-1"),
    (123.45, "# ?/?", "123 4/9"),
    (1, "# ?/?", "1"),
    (-12.34, "# ??/??", "-12 17/50"),
    (12345.6789, "# ?/4", "12345 3/4"),
    (12345.6789, "# ??/16", "12345 11/16"),
    (-1.2, "??/??", "-6/5"),
    (0.3, "# ?/?", "2/7"),
    (12345.6789, "m/d/yyyy", "10/18/1933"),
    (12345.6789, "d-mmm-yy", "18-Oct-33"),
    (12345.6789, "mmm-yy", "Oct-33"),
    (12345.6789, "h:mm AM/PM", "4:17 PM"),
    (12345.6789, "h:mm:ss AM/PM", "4:17:37 PM"),
    (12345.6789, "h:mm", "16:17"),
    (12345.6789, "mm:ss", "17:37"),
    (12345.6789, "[h]:mm:ss", "296296:17:37"),
    (1234.56789, "mmss.0", "3745.7"),
    (1234567.89, "m/d/yyyy h:mm", "2/15/5280 21:21"),
    (0.70707, "hh:mm:ss.000", "16:58:10.848"),
    (0.7, "A/P", "P"),
    (2.9999999999999996, "[h]:mm:ss;@", "72:00:00"),
    (0.5, "hh:mm:ss AM/PM", "12:00:00 PM"),
    (60, "m/d/yyyy", "2/29/1900"),
    (0.123, "m/d/yyyy", "1/0/1900"),
    (46000, "dddd, mmmm dd, yyyy", "Tuesday, December 09, 2025"),
    (46000, "ddd", "Tue"),
    (46000, "mmmmm", "D"),
    (46022, "[$-407]d. mmmm yyyy", "31. Dezember 2025"),
    (46022, "[$-407]d/ mmmm yyyy", "31. Dezember 2025"),  # so LibreOffice writes it: a slash is what the language has
    (46022, "[$-407]dd/mm/yyyy", "31.12.2025"),
    (46022, "[$-409]dd/mm/yyyy", "31/12/2025"),
    (46022, "dd/mm/yyyy", "31/12/2025"),
    (46022, "[$-413]d/m/yyyy", "31-12-2025"),
    (46000, "[$-F800]dddd, mmmm dd, yyyy", "Tuesday, December 9, 2025"),
    (46000.5, "yyyy-mm-dd hh:mm", "2025-12-09 12:00"),
    (45999.99999999, "yyyy-mm-dd", "2025-12-09"),
    (-1, "m/d/yyyy", None),
    (3e6, "m/d/yyyy", None),
]


@pytest.mark.parametrize(("number", "code", "text"), SHOWN)
def test_a_number_is_shown_as_excel_shows_it(number, code, text):
    assert show_number(number, code) == text


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", FormatKind.NUMBER),
        ("0", FormatKind.NUMBER),
        ("#,##0.00", FormatKind.NUMBER),
        (ACCOUNTING, FormatKind.NUMBER),
        ("0.00%", FormatKind.NUMBER),
        ("00000", FormatKind.CODE),
        ("000-00-0000", FormatKind.CODE),
        ("[<=9999999]###-####;(###) ###-####", FormatKind.CODE),
        ("m/d/yyyy", FormatKind.DATE),
        ("[$-407]mmmm yy", FormatKind.DATE),
        ("yyyy-mm-dd hh:mm", FormatKind.DATE),
        ("h:mm", FormatKind.TIME),
        ("[mm]:ss", FormatKind.TIME),
        ("@", FormatKind.TEXT),
        ('"USD" 0', FormatKind.NUMBER),
        ("[Red]0", FormatKind.NUMBER),
    ],
)
def test_a_format_says_what_its_numbers_are(code, kind):
    assert kind_of_format(code) is kind


@pytest.mark.parametrize(
    ("text", "code", "seen"),
    [
        ("ann", "@", "ann"),
        ("ann", '0;0;0;"<"@">"', "<ann>"),
        ("ann", '"foo";"bar";"baz";"qux"', "qux"),
        ("ann", "0.00", "ann"),
    ],
)
def test_a_text_goes_through_the_text_section(text, code, seen):
    assert show_text(text, code) == seen


def test_dates_of_the_1904_calendar_are_four_years_later():
    assert show_number(46000 - 1462, "yyyy-mm-dd", epoch_1904=True) == show_number(46000, "yyyy-mm-dd")
    assert iso_of(46000 - 1462, epoch_1904=True) == "2025-12-09"


@settings(deadline=None)
@given(st.floats(-1e10, 1e10).filter(lambda n: n == 0 or abs(n) > 1e-9))
def test_the_general_format_is_short_and_near_the_number(number):
    text = show_general(number)
    assert len(text.lstrip("-")) <= 11
    assert math.isclose(float(text), number, rel_tol=1e-4, abs_tol=1e-9)


@settings(deadline=None)
@given(st.decimals(-(10**9), 10**9, places=2))
def test_two_decimals_and_groups_are_what_python_writes(number):
    assert show_number(float(number), "#,##0.00").lstrip("-") == f"{abs(number):,.2f}"


@settings(deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
    st.text('0#?.,%E+-/@;[]$hmsdyGeneral"\\_* aé', max_size=16),
)
def test_no_format_code_makes_it_stumble(number, code):
    shown = show_number(number, code)
    assert shown is None or isinstance(shown, str)
    kind_of_format(code)
    show_text("x", code)
