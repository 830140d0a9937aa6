"""The number of an item, in an address and in a body."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field

ItemNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="`item_id` of an item or a hit.")]
"""The number of an item, as an argument of an endpoint."""

ItemId = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""The same in a body."""
