"""What an invariant is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One invariant: the sentence that must be true, the table it speaks of, and a query for the rows that break it."""

    name: str
    sentence: str
    table: str
    broken: str
