"""The command reference, from click."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from docs.generator.markdown import block, code
from retrieval.cli import cli
from retrieval.cli.filter_options import filter_options
from retrieval.cli.group import commands_by_section


def reference() -> str:
    """Return every command with its usage, its help and its options, in the sections of `recall --help`."""
    context = click.Context(cli, info_name="recall")
    parts = [f"## recall\n\n{_command(cli, context)}"]
    for section, members in commands_by_section().items():
        parts.append(f"## {section}")
        parts += [_with_subcommands(command, context) for command in members]
    return "\n\n".join(parts)


def _with_subcommands(command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=command.name, parent=parent)
    parts = [f"### {context.command_path}", _command(command, context)]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            if sub is not None:
                inner = click.Context(sub, info_name=name, parent=context)
                parts += [f"#### {inner.command_path}", _command(sub, inner)]
    return "\n\n".join(parts)


def _command(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [block(usage, "text"), *_paragraphs(command.help or ""), *_options(command, context)]
    return "\n\n".join([*parts, *_paragraphs(command.epilog or "")])


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; one that click would not wrap is a code block."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b\n"):
            yield block(paragraph[2:])
        elif paragraph.strip():
            yield _escaped(" ".join(paragraph.split()))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the definition list of the options; those that filter are folded up."""
    filters = _filter_names()
    options = [
        option for option in command.get_params(context) if isinstance(option, click.Option) and not option.hidden
    ]
    plain = [option for option in options if option.name not in filters]
    folded = [option for option in options if option.name in filters]
    yield "\n\n".join(_option(option, context) for option in plain)
    if folded:
        lines = "\n\n".join(_option(option, context) for option in folded).splitlines()
        yield "\n".join(['??? note "Filters"', "", *(f"    {line}".rstrip() for line in lines)])


def _option(option: click.Option, context: click.Context) -> str:
    names, text = option.get_help_record(context) or ("", "")
    return f"{code(names)}\n:   {_escaped(' '.join(text.split()))}"


def _filter_names() -> set[str | None]:
    def dummy() -> None: ...

    return {parameter.name for parameter in filter_options(dummy).__click_params__}  # type: ignore[attr-defined]


def _escaped(text: str) -> str:
    """Return text in which Markdown sees no markup: brackets, stars and words such as FILE_NAME."""
    return re.sub(r"([\\*_\[\]`])", r"\\\1", text).replace("<", "&lt;")
