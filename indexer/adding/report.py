"""What an addition did."""

from __future__ import annotations

from dataclasses import dataclass, field

from indexer.errors import FailureKind


@dataclass(frozen=True, slots=True)
class AddFailure:
    """An item that could not be added.

    Attributes:
        position: Its position among the given items, from 0.
        id: Its id; "" if it was given none.
        kind: The reason.
        message: The reason in one line.
    """

    position: int
    id: str
    kind: FailureKind
    message: str


@dataclass(slots=True)
class AddReport:
    """What `Library.add` did.

    Attributes:
        ids: The id of each given item, in their order; "" for one that was given none and failed.
        added: Items that are new.
        replaced: Items that took the place of one with the same id.
        unchanged: Items that the library had already, or that were left as they were with `on_conflict="skip"`.
        failures: Items that could not be added, and why.
        seconds: Duration.
    """

    ids: list[str] = field(default_factory=list)
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    failures: list[AddFailure] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        """One line: "3 added, 1 failed"."""
        counts = {
            "added": self.added,
            "replaced": self.replaced,
            "unchanged": self.unchanged,
            "failed": len(self.failures),
        }
        return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing to add"
