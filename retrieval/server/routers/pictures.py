"""Pictures that clients send to search with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field
from starlette.responses import Response

from retrieval.server.answers import Json
from retrieval.server.lanes import ENCODING
from retrieval.server.libraries import ServedLibrary
from retrieval.server.problems import ProblemError
from retrieval.server.sent_pictures import KeptPicture
from retrieval.server.state import Shared

ROUTER = APIRouter(prefix="/api/libraries/{library}/pictures", tags=["search"])

_THUMBNAIL_SIDE = 256


class PictureName(BaseModel):
    """A picture that was sent."""

    picture: str = Field(description="Its name for searches; it is forgotten when many others follow.")
    width: int
    height: int


@ROUTER.post("", status_code=201, response_model=PictureName, dependencies=[ENCODING])
def send_picture(
    served: ServedLibrary,
    shared: Shared,
    content: Annotated[bytes, Body(media_type="application/octet-stream", description="The bytes of a picture file.")],
) -> Json:
    """Send a picture to search with; it is not added to the library."""
    seen = shared.reader.look_at_sent(content, side=_THUMBNAIL_SIDE)
    name = shared.pictures.keep(served.name, KeptPicture(content, seen.thumbnail))
    return Json({"picture": name, "width": seen.width, "height": seen.height}, status_code=201)


@ROUTER.get("/{picture}", response_class=Response, responses={200: {"content": {"image/webp": {}}}})
def sent_picture(served: ServedLibrary, shared: Shared, picture: str) -> Response:
    """Return a thumbnail of a picture that was sent."""
    found = shared.pictures.get(served.name, picture)
    if found is None:
        raise ProblemError(404, "the server does not have this picture any more; send it again")
    return Response(found.thumbnail, media_type="image/webp", headers={"Cache-Control": "private, max-age=3600"})
