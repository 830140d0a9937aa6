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
async def health() -> Health:
    """Say that the server answers; needs no token, says nothing else, and waits for no thread."""
    return Health()
