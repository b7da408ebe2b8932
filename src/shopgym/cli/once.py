"""Options that are given twice: refused, for all but the last would be dropped without a word."""

from __future__ import annotations

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from ..core.errors import InvalidInput


class OnceCommand(TyperCommand):
    """A command that refuses an option which is repeated and may not be."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """As the base class.

        Raises:
            InvalidInput: with the name of the repeated option.
        """
        _refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)


class OnceGroup(TyperGroup):
    """A group of commands that refuses a repeated option of its own."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """As :meth:`OnceCommand.parse_args`."""
        _refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)


def _refuse_repeated(command: TyperCommand | TyperGroup, ctx: typer.Context, args: list[str]) -> None:
    _, _, order = command.make_parser(ctx).parse_args(args=list(args))
    options = [parameter for parameter in order if isinstance(parameter, TyperOption)]
    for i, option in enumerate(options):
        if option in options[:i] and not (option.multiple or option.count):
            raise InvalidInput(option.opts[-1], "given twice", "give it once: only the last one would count")
