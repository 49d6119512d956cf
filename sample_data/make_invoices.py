"""Writes invoices.xlsx: open invoices as a bookkeeping program hands them over. Needs XlsxWriter.

A title stands above the header; dates, money, percents and postcodes are numbers with formats; sums are formulas with
the values that Excel cached; a second worksheet holds prices and no addresses.

    python sample_data/make_invoices.py
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import xlsxwriter

TITLE = "Lantern Street Pottery: open invoices, 20 November 2026"
HEADER = (
    "Customer No", "Company", "Contact", "E-Mail", "Postcode", "City", "Country", "Invoice No", "Invoice Date",
    "Due Date", "Positions", "Net", "VAT", "Tax", "Total", "Discount", "Reminder",
)  # fmt: skip
PRICES = {
    "Stoneware clay, 25 kg": 18.50,
    "Porcelain clay, 10 kg": 21.90,
    "Glaze “Sea Green”, 1 l": 12.90,
    "Glaze “Ash”, 1 l": 14.40,
    "Kiln shelf, 40 × 50 cm": 36.00,
    "Firing, full kiln": 145.00,
    "Firing, half kiln": 85.00,
    "Set of turning tools": 42.75,
    "Wheel, hire for a month": 110.00,
    "Evening course, a place": 38.00,
}
# company, contact, address, postcode, city, country, what was bought (place in PRICES, how many), days overdue
CUSTOMERS: tuple[tuple[str, str, str, int, str, str, tuple[tuple[int, int], ...], int], ...] = (
    ("Café Regenbogen", "Jürgen Groß", "j.gross@regenbogen.example.com", 10115, "Berlin", "Germany", ((0, 4), (5, 1)), 6),
    ("Kita Sonnenstrahl", "Annegret Müller-Lüdenscheidt", "leitung@sonnenstrahl.example.org", 1067, "Dresden", "Germany", ((0, 2), (2, 3), (9, 6)), 12),
    ("O'Brien & Daughters", "Sinéad O'Brien", "sinead.obrien@obrien.example.com", 4120, "Leipzig", "Germany", ((4, 6),), 3),
    ("D'Angelo Ceramiche", "Chiara D'Angelo", "chiara@dangelo.example.net", 123, "Roma", "Italy", ((1, 5), (3, 2)), 31),
    ("Atelier Lefèvre", "Hélène Lefèvre", "helene.lefevre@atelier.example.net", 75011, "Paris", "France", ((1, 10),), 18),
    ("Volkshochschule Süd", "Mehmet Yıldız", "keramik@vhs-sued.example.org", 81543, "München", "Germany", ((0, 12), (2, 4), (7, 8), (5, 3)), 45),
    ("Grundschule am Wald", "Birgit Schröder", "sekretariat@schule-am-wald.example.edu", 99084, "Erfurt", "Germany", ((0, 6), (6, 2)), 9),
    ("Studio Novák", "Jiří Novák", "jiri@studionovak.example.com", 11000, "Praha", "Czechia", ((8, 2),), 22),
    ("Ogród i Glina", "Małgorzata Wiśniewska", "malgorzata@ogrod.example.com", 950, "Warszawa", "Poland", ((0, 3), (3, 3)), 5),
    ("Hotel Bernstein", "Klaus-Dieter Freiherr von und zu Hohenstein-Waldburg", "einkauf@bernstein.example.com", 18055, "Rostock", "Germany", ((5, 4), (9, 12)), 60),
    ("Keramika Sofia", "Ивайло Петров", "ivaylo@keramika.example.org", 1000, "София", "Bulgaria", ((1, 4), (2, 2)), 14),
    ("Taller Núñez", "Íñigo Núñez", "inigo@nunez.example.com", 8001, "Barcelona", "Spain", ((4, 2), (7, 1)), 27),
    ("Museum Kunst & Ton", "Dr. Ulrike Weiß", "u.weiss@museum.example.edu", 50667, "Köln", "Germany", ((5, 2),), 8),
    ("Töpferhof Ahrens", "Wiebke Ahrens", "wiebke@ahrens.example.com", 25980, "Sylt", "Germany", ((0, 20), (4, 8)), 39),
    ("Brunch & Clay", "Tom Okafor", "tom@brunchandclay.example.com", 20095, "Hamburg", "Germany", ((9, 10), (0, 2)), 4),
    ("Lerkunst Aarhus", "Søren Kjærgaard", "soeren@lerkunst.example.net", 8000, "Aarhus", "Denmark", ((8, 1), (3, 4)), 16),
    ("Keramikateljé Ö", "Åsa Öberg", "asa.oberg@atelje.example.net", 11120, "Stockholm", "Sweden", ((1, 6),), 33),
    ("Clay Collective", "Priya Raman", "hello@claycollective.example.com", 1097, "Dresden", "Germany", ((6, 3), (2, 2)), 11),
    ("Pflegeheim Lindenhof", "Gerda Böhm", "ergotherapie@lindenhof.example.org", 4103, "Leipzig", "Germany", ((0, 5), (2, 5)), 20),
    ("Casa de Barro", "João Gonçalves", "joao@casadebarro.example.com", 1100, "Lisboa", "Portugal", ((5, 1), (7, 2)), 7),
    ("Fazekas Műhely", "Zsófia Szűcs", "zsofia@fazekas.example.org", 1051, "Budapest", "Hungary", ((0, 4),), 48),
    ("Jugendzentrum Ost", "", "werkstatt@juze-ost.example.org", 10365, "Berlin", "Germany", ((9, 8), (0, 3)), 13),
    ("Ton in Ton", "Friederike Vogel", "vogel@ton-in-ton.example.com", 79098, "Freiburg", "Germany", ((3, 6), (2, 6)), 2),
    ("Leirikoulu", "Aino Virtanen", "aino.virtanen@leiri.example.edu", 100, "Helsinki", "Finland", ((7, 10),), 25),
    ("Kerameio Thessaloniki", "Ελένη Παπαδοπούλου", "eleni@kerameio.example.org", 54622, "Thessaloniki", "Greece", ((1, 3), (3, 3)), 36),
    ("Café Regenbogen", "Jürgen Groß", "J.Gross@regenbogen.example.com", 10115, "Berlin", "Germany", ((2, 2),), 40),
    ("Werkraum Zürich", "Beat Zürcher", "beat@werkraum.example.net", 8004, "Zürich", "Switzerland", ((5, 2), (4, 3)), 10),
    ("Steinzeug & Söhne", "Ottilie Krämer", "ottilie.kraemer@steinzeug", 34117, "Kassel", "Germany", ((0, 8),), 17),
    ("Potter's Yard", "Rhys ap Llewelyn", "rhys@pottersyard.example.com", 28195, "Bremen", "Germany", ((8, 3), (7, 1)), 29),
    ("Gartencenter Grün", "Nguyễn Thị Hạnh", "hanh.nguyen@gruen.example.com", 70173, "Stuttgart", "Germany", ((4, 12),), 19),
    ("Waldorfschule Mitte", "Ruth Sommer", "werken@waldorf-mitte.example.edu", 10117, "Berlin", "Germany", ((0, 15), (2, 6), (3, 2)), 52),
    ("Yamada Tea House", "山田 花子", "hanako@yamada-tea.example.com", 40210, "Düsseldorf", "Germany", ((1, 2), (3, 5)), 15),
    ("Restaurant Kupferkessel", "Marcel Dubois", "kueche@kupferkessel.example.com", 66111, "Saarbrücken", "Germany", ((5, 1), (9, 4)), 1),
    ("Scherben e.V.", "Lutz Scherbe", "vorstand@scherben.example.org", 6108, "Halle", "Germany", ((6, 6),), 23),
    ("Atelier Ljubljana", "Špela Žagar", "spela@atelje-lj.example.com", 1000, "Ljubljana", "Slovenia", ((2, 3), (7, 2)), 34),
    ("Kunsthof Ehrenfeld", "Mira Čolić", "mira@kunsthof.example.com", 50823, "Köln", "Germany", ((9, 5), (5, 1), (0, 2)), 21),
    ("Inselmanufaktur", "Fenja Petersen", "fenja@inselmanufaktur.example.com", 25938, "Föhr", "Germany", ((0, 10), (4, 2)), 58),
    ("Therapiezentrum Nord", "Dr. Said Haddad", "s.haddad@therapie-nord.example.org", 24103, "Kiel", "Germany", ((0, 2), (9, 3)), 6),
    ("Hochschule für Gestaltung", "Prof. Elif Şahin", "elif.sahin@gestaltung.example.edu", 63065, "Offenbach", "Germany", ((1, 20), (8, 4), (5, 6)), 44),
    ("Bäckerei Morgenrot", "Toni Maier", "toni@morgenrot.example.com", 86150, "Augsburg", "Germany", ((4, 1),), 24),
)  # fmt: skip
SEEN = date(2026, 11, 20)
RATES = {"Germany": 0.19, "Switzerland": 0.0}


def main() -> None:
    path = Path(__file__).with_name("invoices.xlsx")
    with xlsxwriter.Workbook(str(path), {"in_memory": True}) as workbook:
        workbook.set_properties({"title": TITLE, "created": SEEN})
        _invoices(workbook, workbook.add_worksheet("Open invoices"))
        _prices(workbook, workbook.add_worksheet("Price list"))
    sys.stdout.write(f"{path}: {len(CUSTOMERS)} invoices\n")


def _invoices(workbook: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    bold = workbook.add_format({"bold": True})
    day = workbook.add_format({"num_format": "dd.mm.yyyy"})
    money = workbook.add_format({"num_format": '#,##0.00 "€"'})
    percent = workbook.add_format({"num_format": "0 %"})
    postcode = workbook.add_format({"num_format": "00000"})
    sheet.write(0, 0, TITLE, bold)
    sheet.write_row(2, 0, HEADER, bold)
    for place, (company, contact, address, code, city, country, bought, overdue) in enumerate(CUSTOMERS):
        row = place + 3
        due = SEEN - timedelta(days=overdue)
        net = round(sum(count * _price(which) for which, count in bought), 2)
        rate = RATES.get(country, 0.2)
        tax = round(net * rate, 2)
        sheet.write_number(row, 0, 417 + 13 * place, postcode)
        sheet.write_row(row, 1, (company, contact, address))
        sheet.write_number(row, 4, code, postcode)
        sheet.write_row(row, 5, (city, country, f"2026-{1180 + 7 * place:05d}"))
        sheet.write_datetime(row, 8, due - timedelta(days=14), day)
        sheet.write_datetime(row, 9, due, day)
        sheet.write_string(row, 10, "; ".join(_position(which, count) for which, count in bought))
        sheet.write_number(row, 11, net, money)
        sheet.write_number(row, 12, rate, percent)
        sheet.write_formula(row, 13, f"=ROUND(L{row + 1}*M{row + 1},2)", money, tax)
        sheet.write_formula(row, 14, f"=L{row + 1}+N{row + 1}", money, round(net + tax, 2))
        if place == 11:
            sheet.write_formula(row, 15, "=NA()", percent, "#N/A")  # a look-up that found nothing
        elif place % 4 == 0:
            sheet.write_number(row, 15, 0.02, percent)
        sheet.write_number(row, 16, 1 if overdue < 15 else 2 if overdue < 40 else 3)
    sheet.autofit()


def _prices(workbook: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    money = workbook.add_format({"num_format": '#,##0.00 "€"'})
    sheet.write_row(0, 0, ("What", "Price"))
    for row, (what, price) in enumerate(PRICES.items(), start=1):
        sheet.write_string(row, 0, what)
        sheet.write_number(row, 1, price, money)


def _price(which: int) -> float:
    return list(PRICES.values())[which]


def _position(which: int, count: int) -> str:
    return f"{list(PRICES)[which]} | {count} | {_price(which):.2f} €"


if __name__ == "__main__":
    main()
