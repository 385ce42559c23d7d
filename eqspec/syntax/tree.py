"""The syntax tree: what was written, with spans. Frozen values, no behaviour.

Sums and products are flat (a 5,000-term sum is one node), so nothing downstream recurses deeper
than the nesting of parentheses, which the parser bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from eqspec.diagnostics.model import Source, Span


@dataclass(frozen=True, slots=True)
class Name:
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Path:
    """`A`, `Words.command`: dotted names as they stand in declarations and `ensure`."""

    names: tuple[Name, ...]
    span: Span

    @property
    def text(self) -> str:
        return ".".join(name.text for name in self.names)


# ---- expressions: sizes, groups, words, layers and arguments share them ------------------------


@dataclass(frozen=True, slots=True)
class Integer:
    value: int
    span: Span


@dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal literal, read as the exact fraction it writes."""

    value: Fraction
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class String:
    value: str  # escapes resolved
    span: Span


@dataclass(frozen=True, slots=True)
class Boolean:
    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Reference:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Attribute:
    base: Expression
    name: Name  # without the dot
    span: Span


@dataclass(frozen=True, slots=True)
class Argument:
    keyword: Name | None
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    function: Expression
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Select:
    """`x[0]`, `world[x, y]`."""

    base: Expression
    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Sum:
    """`a + b - c`: terms with +1 or -1, first term always +1."""

    terms: tuple[tuple[int, Expression], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Product:
    """`a * b / c`: factors with +1 (times) or -1 (divided by), first factor always +1."""

    factors: tuple[tuple[int, Expression], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Power:
    base: Expression
    exponent: int
    span: Span


@dataclass(frozen=True, slots=True)
class Negate:
    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Range:
    low: Expression
    high: Expression
    span: Span


Expression = (
    Integer
    | Decimal
    | String
    | Boolean
    | Reference
    | Attribute
    | Call
    | Select
    | ListOf
    | Sum
    | Product
    | Power
    | Negate
    | Range
)


# ---- types ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FlatBlock:
    """`flat { name: type, ... }`; a block of its own or one axis of a block."""

    fields: tuple[Field, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class AxesBlock:
    """`[fixed] [8x] [axis, ...]`; `multiple` is None when no `8x` is written."""

    fixed: bool
    multiple: int | None
    axes: tuple[Expression | FlatBlock, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class IndexBlock:
    fixed: bool
    values: Expression
    axes: tuple[Expression | FlatBlock, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class AliasBlock:
    path: Path
    span: Span


Block = AxesBlock | IndexBlock | FlatBlock | AliasBlock


@dataclass(frozen=True, slots=True)
class TypeExpression:
    blocks: tuple[Block, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    name: Name
    type: TypeExpression
    doc: str | None
    span: Span


# ---- declarations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a cycle; `negative` for `-HAA`. Numbers are kept as their digits."""

    value: str
    negative: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Permutation:
    """Product of cycles `(a b c)(d e)`; `()` is the identity (one empty cycle)."""

    cycles: tuple[tuple[Point, ...], ...]
    span: Span


Image = Permutation | ListOf | Call  # cycles, [[0, -1], [1, 0]], diag(1, -1, 1)


@dataclass(frozen=True, slots=True)
class Generator:
    name: Name | None
    image: Image
    span: Span


@dataclass(frozen=True, slots=True)
class WordImage:
    path: Path
    word: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Automorphism:
    path: Path
    images: tuple[WordImage, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class LieGenerator:
    kind: Literal["algebra", "discrete"]
    name: Name
    matrix: ListOf | Call
    span: Span


@dataclass(frozen=True, slots=True)
class Renaming:
    old: Name
    new: Name

    @property
    def span(self) -> Span:
        return self.old.span.to(self.new.span)


@dataclass(frozen=True, slots=True)
class RepImage:
    path: Path
    image: Image
    span: Span


@dataclass(frozen=True, slots=True)
class Use:
    file: String
    name: Name
    span: Span
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Param:
    name: Name
    value: Expression | Literal["dynamic", "padded"]
    doc: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class TypeAlias:
    name: Name
    type: TypeExpression
    doc: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class GroupDeclaration:
    name: Name
    value: Expression
    generators: tuple[Generator, ...] | None  # `generated by`
    block: tuple[Automorphism | LieGenerator, ...] | None
    named: tuple[Renaming, ...] | None
    doc: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class RepDeclaration:
    path: Path
    value: Expression
    images: tuple[RepImage, ...] | None
    doc: str | None
    span: Span


# ---- modules -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Input:
    name: Name
    type: TypeExpression
    doc: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Base:
    name: Name
    signature: tuple[TypeExpression, ...]
    target: TypeExpression
    factory: String | None
    doc: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Layer:
    name: Name
    type: TypeExpression | None
    value: Expression
    doc: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Output:
    name: Name
    type: TypeExpression | None
    value: Expression | None  # None in an interface
    doc: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Ensure:
    targets: tuple[Path, ...]
    level: Literal["exactly", "almost everywhere", "approximately"]
    kind: Literal["invariant", "equivariant"]
    group: Expression
    span: Span
    doc: str | None = None


Member = Input | Base | Layer | Output | Ensure


@dataclass(frozen=True, slots=True)
class Formal:
    name: Name
    is_group: bool
    default: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Module:
    name: Name
    formals: tuple[Formal, ...]
    members: tuple[Member, ...]
    doc: str | None
    span: Span
    complete: bool = True  # False: a syntax error cost it its header or a member


@dataclass(frozen=True, slots=True)
class Interface:
    name: Name
    members: tuple[Input | Output, ...]
    doc: str | None
    span: Span
    complete: bool = True


Item = Use | Param | TypeAlias | GroupDeclaration | RepDeclaration | Module | Interface


@dataclass(frozen=True, slots=True)
class Comment:
    text: str  # with its leading # or ##
    span: Span


@dataclass(frozen=True, slots=True)
class File:
    source: Source
    version: int
    items: tuple[Item, ...]
    comments: tuple[Comment, ...]
    lost: tuple[str, ...] = ()  # names whose declarations a syntax error cost: known, but not how
