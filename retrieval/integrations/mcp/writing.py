"""The tools that change the library: judge, learn, add. They exist only if the user allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from retrieval.integrations.mcp.arguments import Ids, PictureData, PicturePath
from retrieval.integrations.mcp.reading import ReadingTools
from retrieval.integrations.mcp.results import Result, Scalar
from retrieval.schemas.text import plain, stored_id

_Judged = Annotated[list[Annotated[str, Field(min_length=1, max_length=5000)]], Field(max_length=100)]


class JudgeResult(Result):
    """What was recorded."""

    good: int
    bad: int


class LearnResult(Result):
    """What the library has learned."""

    word: str
    added: int = Field(description="Photos that are new examples of the word.")
    total: int = Field(description="Examples of the word.")
    failed: dict[str, str] = Field(description="Why other photos cannot be used, by path.")


class AddResult(Result):
    """What was added."""

    id: str
    outcome: str = Field(description="added, replaced or unchanged.")


@dataclass(frozen=True, slots=True)
class WritingTools:
    """The tools that write; their docstrings are what an assistant is told."""

    reading: ReadingTools

    def judge(
        self,
        query: Annotated[str, Field(max_length=10_000, description="The words of the search.")],
        good: Annotated[_Judged, Field(description="Ids of photos or texts that answer it.")] = [],  # noqa: B006 - pydantic copies it
        bad: Annotated[_Judged, Field(description="Ids of photos or texts that do not.")] = [],  # noqa: B006 - as above
    ) -> JudgeResult:
        """Record which results are good and which are bad for a search; the library learns from it when it is tuned."""
        library = self.reading.library
        report = library.judge(query, good=map(stored_id, good), bad=map(stored_id, bad))
        return JudgeResult(good=report.good, bad=report.bad)

    def learn(
        self,
        word: Annotated[str, Field(max_length=200, description='A name, for instance "Biscuit" for the user\'s cat.')],
        ids: Annotated[Ids, Field(description="Ids of photos that show it; three are a good start.")],
    ) -> LearnResult:
        """Teach the library a word by photos of it; searches understand it from then on."""
        report = self.reading.library.learn(word, [self.reading.path(id_) for id_ in ids])
        return LearnResult(
            word=report.word,
            added=report.added,
            total=report.examples,
            failed={plain(str(path)): plain(reason) for path, reason in report.failures},
        )

    def add(
        self,
        text: Annotated[str, Field(description="A text, or words about the picture.")] = "",
        picture_path: PicturePath = "",
        picture_data: PictureData = "",
        id: Annotated[str, Field(max_length=1000, description="Its id; by default made of its content.")] = "",  # noqa: A002 - the argument's name for clients
        collection: Annotated[str, Field(min_length=1, max_length=200, description="Where it belongs.")] = "default",
        metadata: Annotated[
            dict[str, Scalar] | None, Field(description="Values by name; searches filter by them.")
        ] = None,
        uri: Annotated[str, Field(max_length=5000, description="Where it is from.")] = "",
        replace: Annotated[bool, Field(description="Whether to replace an item that has the id.")] = False,
    ) -> AddResult:
        """Add a text, a picture, or a picture with words about it to a collection of the library; no file is made."""
        pictures = self.reading.pictures(picture_path, picture_data)
        if not text and not pictures:
            raise ToolError("there is nothing to add; give text, picture_path or picture_data")
        library = self.reading.library
        if id and not replace and library.get([id], collection=collection):
            raise ToolError(
                f"the collection {collection!r} has an item {id[:200]!r} already; give replace: true, or another id"
            )
        report = library.add(
            images=pictures or None,
            texts=[text] if text else None,
            ids=[id] if id else None,
            metadata=None if metadata is None else [metadata],
            uris=[uri] if uri else None,
            collection=collection,
            on_conflict="replace" if replace else "error" if id else "skip",
        )
        if report.failures:
            raise ToolError(f"it cannot be added: {report.failures[0].message}")
        outcome = "added" if report.added else "replaced" if report.replaced else "unchanged"
        return AddResult(id=plain(report.ids[0]), outcome=outcome)
