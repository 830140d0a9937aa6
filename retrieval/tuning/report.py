"""The tuning report: the measured gain on held-out queries, the loss on the control set, and the decision."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from indexer.errors import TuningError

_FORMER_KEYS: Final = {
    "probe": "control_set",
    "probe_before": "control_before",
    "probe_after": "control_after",
    "share": "alpha",
    "gone": "missing",
}
"""Keys of reports in the catalogs of earlier versions, and the fields that they are now."""


@dataclass(frozen=True, slots=True)
class TuningReport:
    """The result of one tuning run, as it is printed and stored.

    Attributes:
        method: What was trained, "adapter" or "lora".
        passed: Whether the result may be activated.
        reason: Why not; empty if it passed.
        queries: Number of held-out queries that were compared.
        ndcg_before: Mean nDCG@10 of the held-out queries before training, 0 to 1.
        ndcg_after: The same after training.
        low: Lower end of the 95 % interval of the gain in nDCG@10.
        high: Upper end of that interval.
        p: Two-sided p value of the gain or loss.
        r5_before: Share of held-out queries with a good unit among the first five (R@5) before training, 0 to 1.
        r5_after: The same after training.
        control_set: Name of the control set.
        control_before: R@5 of the control set before training, points (0 to 100).
        control_after: The same after training.
        alpha: Fraction of the trained change that is applied, 0 to 1.
        seeds: Seeds of the splits and of the training.
        seconds: Duration.
        judgements: Number of judgements in the library.
        used: Number of judgements in the training set.
        contradicted: Number of judgements that a later one overruled.
        missing: Number of judgements whose unit or picture is no longer there.
        dry_run: Whether the run only measured and stored nothing.
    """

    method: str
    passed: bool
    reason: str
    queries: int
    ndcg_before: float
    ndcg_after: float
    low: float
    high: float
    p: float
    r5_before: float
    r5_after: float
    control_set: str
    control_before: float
    control_after: float
    alpha: float = 1.0
    seeds: tuple[int, ...] = ()
    seconds: float = 0.0
    judgements: int = 0
    used: int = 0
    contradicted: int = 0
    missing: int = 0
    dry_run: bool = False

    def __str__(self) -> str:
        """Return the report as one line, with the decision made at the end of the run."""
        return self.line(is_active=self.passed)

    def line(self, *, is_active: bool) -> str:
        """Return the report as one line.

        Args:
            is_active: Whether the version is active now.
        """
        gain, control_gain = self.ndcg_after - self.ndcg_before, self.control_after - self.control_before
        return (
            f"nDCG@10 {_short(self.ndcg_before)} -> {_short(self.ndcg_after)} ({_short(gain, '+')}, "
            f"95 % {_short(self.low)} to {_short(self.high)}, n = {self.queries} queries); "
            f"R@5 {_short(self.r5_before)} -> {_short(self.r5_after)}; control set {control_gain:+.1f}; "
            + self._decision(is_active=is_active)
        )

    def _decision(self, *, is_active: bool) -> str:
        if not self.passed:
            return f"{'would be ' * self.dry_run}kept inactive: {self.reason}"
        if self.dry_run:
            return "would be activated"
        return "activated" if is_active else "passed, not active"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {**asdict(self), "seeds": list(self.seeds)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Return the report that `to_dict` wrote, in this version of Recall or another.

        Keys of an earlier version are translated, unknown keys of a later one ignored.

        Raises:
            TuningError: A key is missing.
        """
        names = {field.name for field in fields(cls)}
        translated = {_FORMER_KEYS.get(key, key): value for key, value in stored.items()}
        values: dict[str, Any] = {name: value for name, value in translated.items() if name in names}
        try:
            return cls(**{**values, "seeds": tuple(values.get("seeds", ()))})
        except TypeError as error:
            raise TuningError(f"a tuning report in the catalog is damaged ({error}); run: recall rollback") from error


def _short(value: float, sign: str = "-") -> str:
    """Return a number between -1 and 1 without its leading zero: .61, -.05 and, with sign "+", +.13."""
    return format(value, f"{sign}.2f").replace("0.", ".", 1)
