"""Versions: what was learnt from judgements, and which one searches use."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from retrieval.schemas.text import utc_text
from retrieval.server.answers import Json
from retrieval.server.libraries import ServedLibrary, WritableLibrary

ROUTER = APIRouter(prefix="/api/libraries/{library}", tags=["learning"])


class VersionModel(BaseModel):
    """Something that was learnt, with its tuning report."""

    id: int
    kind: Literal["adapter", "lora"]
    encoder: str = Field(description="The encoder that it was trained on.")
    parent_id: int | None = Field(description="The version that was active at that time; null for none.")
    name: str | None = Field(description="Name of the trained encoder; null for an adapter.")
    report: dict[str, Any] = Field(description="What was measured, and the verdict.")
    made_at: str = Field(description="In UTC.")
    is_active: bool = Field(description="Whether searches use it.")


class Rollback(BaseModel):
    """The version to go back to."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = Field(
        None, description="Its number; 0 for the encoder without training, null for the version before the active one."
    )


class RolledBack(BaseModel):
    """The version that searches use now."""

    version: int = Field(description="0 is the encoder without training.")


@ROUTER.get("/versions", response_model=list[VersionModel])
def list_versions(served: ServedLibrary) -> Json:
    """List what was learnt, the oldest first."""
    names = ("id", "kind", "encoder", "parent_id", "name", "is_active")
    return Json(
        [
            {
                **{name: getattr(version, name) for name in names},
                "report": _report(version.report),
                "made_at": utc_text(version.made_at),
            }
            for version in served.library.versions()
        ]
    )


@ROUTER.post("/rollback", response_model=RolledBack)
def rollback(served: WritableLibrary, wanted: Rollback) -> Json:
    """Go back to an earlier version; all versions stay."""
    return Json({"version": served.library.rollback(wanted.to)})


def _report(stored: Any) -> dict[str, Any]:
    """Return a stored report with the keys that reports have now."""
    from retrieval.tuning.report import TuningReport  # late: most servers tune nothing

    return TuningReport.from_dict(dict(stored)).to_dict()
