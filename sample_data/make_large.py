"""Writes a large list of invented people, for trying out how far and how fast things go.

    python sample_data/make_large.py 100000 large.csv

The same number gives the same file. One row in a hundred has no first name, one in two hundred a broken address, and
one in five hundred repeats the address before it.
"""

import csv
import random
import sys
from collections.abc import Iterator
from pathlib import Path

HEADER = ("Customer No", "First Name", "Last Name", "E-Mail", "Postcode", "City", "Language", "Orders", "Revenue", "Last Order")  # fmt: skip
FIRST = "Ada Aino Amir Anna Arjun Åsa Ben Carla Chiara Daniel Elif Emma Femke Giulia Hana Ivan Jana João Jürgen Kofi Lea Linh Łukasz Maria Mehmet Nadia Nils Olga Priya Quinn René Sofia Søren Tamás Uma Víctor Wei Yara Zoë".split()  # fmt: skip  # noqa: SIM905
LAST = "Andersson Becker Bianchi Costa D'Angelo Dubois Eriksen Fischer García Haddad Horváth Ivanova Jansen Kowalski Lefèvre Müller Nakamura Novák O'Brien Okafor Petrov Quispe Rossi Schmidt Silva Tanaka Ünal Vogel Weber Yılmaz Zimmermann".split()  # fmt: skip  # noqa: SIM905
CITIES = (
    ("01067", "Dresden", "de"), ("10115", "Berlin", "de"), ("80331", "München", "de"), ("00184", "Roma", "it"),
    ("75011", "Paris", "fr"), ("08001", "Barcelona", "es"), ("1011", "Amsterdam", "nl"), ("00100", "Helsinki", "fi"),
    ("EC1A 1BB", "London", "en"), ("02108", "Boston", "en"),
)  # fmt: skip
DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org", "school.example.edu")


def main() -> None:
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        sys.exit("Call it with a number of rows and a file: make_large.py 100000 large.csv")
    count, path = int(sys.argv[1]), Path(sys.argv[2])
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(HEADER)
        lines.writerows(people(count))
    sys.stdout.write(f"{path}: {count:,} rows\n")


def people(count: int) -> Iterator[tuple[object, ...]]:
    chance = random.Random(count)
    address = ""
    for number in range(1, count + 1):
        first, last = chance.choice(FIRST), chance.choice(LAST)
        postcode, city, language = chance.choice(CITIES)
        orders = chance.randrange(1, 20)
        if number % 500:
            address = f"person{number}@{chance.choice(DOMAINS)}"
        yield (
            f"{number:07d}",
            "" if number % 100 == 0 else first,
            last,
            address.replace("@", " at ") if number % 200 == 0 else address,
            postcode,
            city,
            language,
            orders,
            f"{orders * chance.uniform(8, 90):.2f}",
            f"2026-{chance.randrange(1, 12):02d}-{chance.randrange(1, 29):02d}",
        )


if __name__ == "__main__":
    main()
