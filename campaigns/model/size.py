"""Bytes as people are told them."""


def size_in_words(number: int) -> str:
    """`1.2 GB`, `3.4 MB`, `0.1 kB`: powers of a thousand, as disks are sold."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if number >= unit:
            return f"{number / unit:,.1f} {name}"
    return f"{number / 1e3:,.1f} kB"
