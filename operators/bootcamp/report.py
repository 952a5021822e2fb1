"""The counts and notes of an import, in ids."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, order=True)
class Note:
    """An observation for the operator, in ids: its kind, its place, and details."""

    kind: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind:<10} {self.where}  {self.detail}"


@dataclass
class Outcome:
    """Counts, and notes."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)

    def add(self, other: Self) -> None:
        self.counts += other.counts
        self.notes += other.notes
