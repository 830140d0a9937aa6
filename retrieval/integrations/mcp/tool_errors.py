"""Errors of tools: one sentence for the assistant, without a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from indexer.errors import RecallError
from retrieval.library import Library

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST_VALUE = 60
"""Characters of a refused value that a message repeats."""

_SHORTER = {
    "Input should be": "expected",
    "Input should": "it should",
    "List should": "it should",
    "String should": "it should",
    " after validation": "",
    "less than or equal to": "at most",
    "greater than or equal to": "at least",
}
"""What stands in place of the words of pydantic."""


class SentenceServer(MCPServer[Any]):
    """A server whose tools answer what they cannot do with one sentence, and refuse unknown arguments."""

    async def run_streams(self, received: Any, sent: Any) -> None:
        """Answer the messages of one stream on another until the first ends."""
        server = self._lowlevel_server
        await server.run(received, sent, server.create_initialization_options())

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """Return the result of a tool; null for an argument counts as leaving it out.

        Raises:
            ToolError: The tool or an argument is unknown, a value cannot be used, or the tool fails.
        """
        tool = self._tool_manager.get_tool(name)
        if tool is None:
            names = ", ".join(tool.name for tool in self._tool_manager.list_tools())
            raise ToolError(f"there is no tool {_shown(name)}; expected one of {names}")
        expected = tool.parameters.get("properties", {})
        unknown = [argument for argument in arguments if argument not in expected]
        if unknown:
            has = f"it has {', '.join(expected)}" if expected else "it has none"
            raise ToolError(f"{name} has no argument {_shown(unknown[0])}; {has}")
        given = {argument: value for argument, value in arguments.items() if value is not None}
        try:
            return await super().call_tool(name, given, context)
        except UnexpectedToolError as error:
            raise UnexpectedToolError(
                f"{name} failed because of an error in Recall; what the server prints on standard error says more"
            ) from error.__cause__
        except ToolError as error:
            cause = error.__cause__
            sentence = _of_arguments(cause) if isinstance(cause, ValidationError) else str(cause or error)
            raise ToolError(sentence) from cause


def as_tool_errors(library: Library) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator that turns Recall's errors into errors of a tool.

    Args:
        library: The library, whose place no assistant needs to know.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except RecallError as error:
                raise ToolError(_without_path(str(error), library)) from None

        return call

    return decorate


def _without_path(message: str, library: Library) -> str:
    """Return a message on one line, with "the library" in place of its path or URL."""
    folder = library.path
    places = {library.name, str(folder), str(folder.absolute()), str(folder.resolve())}
    for place in sorted(places, key=len, reverse=True):
        message = message.replace(place, "the library")
    return " ".join(message.encode("utf-8", "backslashreplace").decode().split())


def _of_arguments(error: ValidationError) -> str:
    """Return what is wrong with the first argument that cannot be used."""
    details = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in details["loc"])
    if details["type"] == "missing":
        return f"the argument {place} is missing"
    if details["type"] == "extra_forbidden":
        return f"there is no argument {place}"
    return f"{place} is {_shown(details['input'])}; {_expectation(details)}"


def _expectation(details: ErrorDetails) -> str:
    """Return what was expected of a value."""
    message = details["msg"].removeprefix("Value error, ")
    for words, shorter in _SHORTER.items():
        message = message.replace(words, shorter, 1)
    return message


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
