"""Types of the tools' arguments, with their bounds and what they say to an assistant.

Texts that may be left out are "" then, not None: the package takes a text for JSON unless the type is str alone.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from retrieval.integrations.mcp.pictures import LONGEST_DATA
from retrieval.schemas.filters import Filters

_ID = Field(min_length=1, max_length=5000)

Words: TypeAlias = Annotated[
    str, Field(max_length=10_000, description='What to find, for instance "a dog on the beach".')
]
PicturePath: TypeAlias = Annotated[
    str,
    Field(max_length=5000, description="A picture to search with: the id or path of a photo in the library."),
]
PictureData: TypeAlias = Annotated[
    str, Field(max_length=LONGEST_DATA, description="A picture to search with: its file's bytes in base64.")
]
Where: TypeAlias = Annotated[Filters | None, Field(description="Only what passes these.")]
Kind: TypeAlias = Annotated[Literal["photos", "texts", "all"], Field(description="Only photos, only texts, or both.")]
Count: TypeAlias = Annotated[int, Field(ge=1, le=100, description="Number of results.")]
Offset: TypeAlias = Annotated[
    int, Field(ge=0, le=100_000, description="Number of best results to skip, for the next page.")
]
Unlikely: TypeAlias = Annotated[bool, Field(description="Whether unlikely results are returned too.")]
Id: TypeAlias = Annotated[str, _ID, Field(description="The id of an item, as another tool returned it.")]
Ids: TypeAlias = Annotated[
    list[Annotated[str, _ID]], Field(min_length=1, max_length=100, description="Ids, as another tool returned them.")
]
FewIds: TypeAlias = Annotated[
    list[Annotated[str, _ID]], Field(min_length=1, max_length=8, description="Ids of up to 8 photos.")
]
Collection: TypeAlias = Annotated[
    str, Field(max_length=1000, description="The collection of added items; leave it out for files.")
]
