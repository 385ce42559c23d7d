"""The one file that looks inside Lark's LALR parser: its table, its stacks, its place in the text.

Lark has no error recovery that reports each mistake once, so ours reads these semi-internal
attributes: `InteractiveParser.parser_state` and `.lexer_thread`, `ParserState.state_stack`,
`.value_stack` and `.parse_conf.states`, `LexerThread.state.line_ctr.char_pos`. The dependency is
pinned below 2 and a test fails loudly when one of them changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lark import Token
from lark.parsers.lalr_analysis import Shift
from lark.parsers.lalr_interactive_parser import InteractiveParser

END = "$END"
OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSERS = {closer: opener for opener, closer in OPENERS.items()}


class Stack:
    """A parser in the middle of a text: what it has read, what it would take next."""

    def __init__(self, interactive: InteractiveParser) -> None:
        self.parser = interactive.parser_state
        self.thread = interactive.lexer_thread
        self._states: dict[int, dict[str, tuple[Any, Any]]] = self.parser.parse_conf.states
        self._end = self.parser.parse_conf.end_state

    @property
    def values(self) -> list[Any]:
        """Tokens and nodes read and not yet part of a larger node."""
        return self.parser.value_stack

    def takes(self, *types: str) -> bool:
        """Whether these terminals, in this order, can follow. Runs no action.

        The table alone does not tell: a state may list a terminal that fails after a reduction.
        """
        stack: list[int] | None = list(self.parser.state_stack)
        for terminal in types:
            stack = self._step(stack, terminal) if stack else None
        return stack is not None

    def accepts(self) -> set[str]:
        """Every terminal that can follow."""
        here = self._states[self.parser.state_stack[-1]]
        return {terminal for terminal in here if terminal.isupper() and self.takes(terminal)}

    def _step(self, stack: list[int], terminal: str) -> list[int] | None:
        while True:
            entry = self._states[stack[-1]].get(terminal)
            if entry is None:
                return None
            action, target = entry
            if action is Shift:
                return [*stack, target]
            count = len(target.expansion)
            if count:
                del stack[-count:]
            stack.append(self._states[stack[-1]][target.origin.name][1])
            if terminal == END and stack[-1] == self._end:
                return stack

    def settle(self) -> None:
        """Make the node of what a `}` or the version has just ended: the table waits for a token.

        Otherwise the module would still seem open, and giving up what follows would lose it.
        """
        top = self.values[-1] if self.values else None
        ended = isinstance(top, Token) and (top.type == "RBRACE" or len(self.values) == 2)
        if not ended or not self.takes("MODULE"):
            return
        states, values = self.parser.state_stack, self.parser.value_stack
        while True:
            action, rule = self._states[states[-1]]["MODULE"]
            if action is Shift:
                return
            count = len(rule.expansion)
            parts = values[len(values) - count :]
            del values[len(values) - count :]
            del states[len(states) - count :]
            values.append(self.parser.parse_conf.callbacks[rule](parts))
            states.append(self._states[states[-1]][rule.origin.name][1])

    def level(self, terminal: str) -> int | None:
        """How many values lie below the innermost place where a statement of a kind may begin."""
        for height in range(len(self.parser.state_stack) - 1, -1, -1):
            entry = self._states[self.parser.state_stack[height]].get(terminal)
            if entry is not None and entry[0] is Shift:
                return height
        return None

    def cut(self, height: int) -> list[Any]:
        """Forget everything above a level; returns the values forgotten."""
        lost = self.values[height:]
        del self.parser.value_stack[height:]
        del self.parser.state_stack[height + 1 :]
        return lost

    def tokens(self) -> Iterator[Token]:
        """The tokens from here on; what they may be depends on what is fed meanwhile."""
        found: Iterator[Token] = self.thread.lex(self.parser)  # type: ignore[no-untyped-call]
        return found

    def feed(self, token: Token) -> Any:
        return self.parser.feed_token(token, token.type == END)

    def move(self, offset: int) -> None:
        """Go on reading at an offset. From here tokens have right offsets, wrong lines."""
        state = self.thread.state
        assert state is not None  # None only for a parser without a text
        state.line_ctr.char_pos = offset

    def open_brackets(self, height: int = 0) -> list[Token]:
        """The opening signs above a level that wait for their closing signs, outermost first."""
        found: list[Token] = []
        for value in _leaves(self.values[height:]):
            if value.type in OPENERS:
                found.append(value)
            elif value.type in CLOSERS and found:
                found.pop()
        return found


def _leaves(values: Sequence[Any]) -> Iterable[Token]:
    return [value for value in values if isinstance(value, Token)]


def token_at(kind: str, text: str, offset: int) -> Token:
    """A token that is not in the text, or stands there under another name."""
    return Token(kind, text, offset, 1, 1, 1, 1, offset + len(text))
