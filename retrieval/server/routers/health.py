"""Whether the server answers."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

ROUTER = APIRouter(tags=["server"])


class Health(BaseModel):
    """Whether the server answers."""

    status: Literal["ok"] = "ok"


@ROUTER.get("/api/health")
def health() -> Health:
    """Say that the server answers; needs no token and says nothing else."""
    return Health()
