"""What learning came to: measured gain, loss on what was not taught, and the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from indexer.errors import TuningError

_FORMER: Final = {"probe": "control_set", "probe_before": "control_before", "probe_after": "control_after"}
"""Fields by the names under which libraries made before have them in the catalog."""


@dataclass(frozen=True, slots=True)
class TuningReport:
    """The outcome of one run, as it is shown and kept.

    Attributes:
        method: What was trained, "adapter" or "lora".
        passed: Whether it may be put to use.
        reason: Why not; empty where it passed.
        queries: Judged queries that were compared, each while it was held out.
        ndcg_before: Mean nDCG@10 of the held-out queries, 0 to 1.
        ndcg_after: The same with what was learnt.
        low: Lower end of the 95 % interval of the gain in nDCG@10.
        high: Its upper end.
        p: How likely chance alone gives such a gain or loss, two-sided.
        r5_before: Share of the held-out queries with a good one among the first five, 0 to 1.
        r5_after: The same with what was learnt.
        control_set: What the control set is.
        control_before: Its R@5 without what was learnt, points.
        control_after: Its R@5 with it, points.
        share: How much of what was learnt is applied, 0 to 1.
        seeds: With which the queries were split and the training started.
        seconds: What it took.
        judgements: Those that there were.
        used: Those that taught.
        contradicted: Those left out because of another one.
        gone: Those whose unit or picture is not there any more.
        dry_run: Whether it was only measured: nothing was kept.
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
    share: float = 1.0
    seeds: tuple[int, ...] = ()
    seconds: float = 0.0
    judgements: int = 0
    used: int = 0
    contradicted: int = 0
    gone: int = 0
    dry_run: bool = False

    def __str__(self) -> str:
        """Return the receipt in one line for people, as it was when it was written."""
        return self.line(is_active=self.passed)

    def line(self, *, is_active: bool) -> str:
        """Return the receipt in one line for people, where its version is active now or is not."""
        gain, control = self.ndcg_after - self.ndcg_before, self.control_after - self.control_before
        return (
            f"nDCG@10 {_short(self.ndcg_before)} -> {_short(self.ndcg_after)} ({_short(gain, '+')}, "
            f"95 % {_short(self.low)} to {_short(self.high)}, n = {self.queries} queries); "
            f"R@5 {_short(self.r5_before)} -> {_short(self.r5_after)}; control set {control:+.1f}; "
            + self._end(is_active=is_active)
        )

    def _end(self, *, is_active: bool) -> str:
        if not self.passed:
            return f"{'would be ' * self.dry_run}kept inactive: {self.reason}"
        if self.dry_run:
            return "would be activated"
        return "activated" if is_active else "passed, not active"

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as JSON takes it."""
        return {**asdict(self), "seeds": list(self.seeds)}

    @classmethod
    def from_dict(cls, held: dict[str, Any]) -> Self:
        """Return the receipt of `to_dict`; of a later version's only what is known here, of an earlier one's all.

        Raises:
            TuningError: Something is missing.
        """
        known = {field.name for field in fields(cls)}
        renamed = {_FORMER.get(key, key): value for key, value in held.items()}
        values: dict[str, Any] = {key: value for key, value in renamed.items() if key in known}
        try:
            return cls(**{**values, "seeds": tuple(values.get("seeds", ()))})
        except TypeError as error:
            raise TuningError(f"the receipt of what was learnt is damaged ({error}); run: recall rollback") from error


def _short(value: float, sign: str = "-") -> str:
    """Return a share as .61; -.05 and, where asked for, +.13."""
    return format(value, f"{sign}.2f").replace("0.", ".", 1)
