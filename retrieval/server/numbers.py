"""The number of an item in an address."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

ItemNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="`item_id` of an item or a hit.")]
"""The number of an item, as an argument of an endpoint."""
