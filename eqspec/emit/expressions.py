"""One instruction as a Python expression, and an assignment laid out in lines.

In: a program and the expressions of what an instruction reads. Out: its `Code`. Dimensions are
written from the end (-1 is the last), so that the code takes any number of leading batch dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

from eqspec.emit.grids import grid_call
from eqspec.emit.idioms import Idioms, blocks_along, table_along
from eqspec.emit.layout import WIDTH, call, tuple_text
from eqspec.graph.sizes import Size
from eqspec.ops.pointwise import function_named
from eqspec.program.attending import Attend
from eqspec.program.fourier import Fourier, FourierBack
from eqspec.program.framed import Axes, Determinant, InverseOrder, RowOrder, TakeRows
from eqspec.program.grids import OnGrid
from eqspec.program.instructions import (
    Add,
    Affine,
    Concat,
    DiagonalEmbed,
    Einsum,
    Expand,
    Halves,
    Linear,
    Lookup,
    Mask,
    MaskedReduce,
    Mul,
    Narrow,
    Normalise,
    Orthonormal,
    Permute,
    Pointwise,
    Program,
    Reduce,
    Reshape,
    Scale,
    Shape,
    Shift,
    Stack,
    Stage,
    Sub,
    Take,
)
from eqspec.program.layers import Detach, Dropout, GroupNorm, Layer
from eqspec.program.pooling import Pad

ATOM, PRODUCT, SUM = 2, 1, 0  # how tightly an expression binds
SIGNS = ("+ ", "- ", "* ", "/ ")


@dataclass(frozen=True)
class Code:
    """An expression: ``head(args)tail`` if it is a call, else just ``head``."""

    head: str
    args: tuple[str, ...] | None = None
    tail: str = ""
    binds: int = ATOM
    receiver: Code | None = None  # of a method call
    terms: tuple[str, ...] = ()  # of a sum; those of another operation begin with its sign

    @property
    def text(self) -> str:
        if self.args is None:
            return self.head
        return f"{self.head}({', '.join(self.args)}){self.tail}"

    @property
    def atom(self) -> str:
        """The expression as an operand."""
        return self.text if self.binds == ATOM else f"({self.text})"


@dataclass
class Expressions:
    """Writes the instructions of one program. ``code`` holds what was written so far, ``helpers``
    the helper functions that it calls."""

    program: Program
    code: Mapping[int, Code]
    helpers: set[str] = field(default_factory=set)
    sizes: Mapping[str, str] = field(default_factory=dict)  # variables of sizes of run time
    parts: dict[int, str] = field(default_factory=dict)  # variables of results that were cut

    @cached_property
    def idioms(self) -> Idioms:
        return Idioms(self.program)

    def expression(self, number: int, instruction: object) -> Code:
        program = self.program
        args = [self.code[arg] for arg in getattr(instruction, "args", ())]
        shape = program.shape(number)
        match instruction:
            case Take(dim=dim):
                rank = len(program.shape(instruction.args[0]))
                return self._method(args[0], "index_select", [str(dim - rank), args[1].text])
            case Lookup():
                if program.stages[instruction.args[0]] is Stage.CONSTANT:
                    self.helpers.add("renamed")
                    return Code("_renamed", (args[1].text, args[0].text))
                return Code("F.embedding", (args[1].text, args[0].text))
            case Reduce(dims=dims, how=how):
                rank = len(program.shape(instruction.args[0]))
                name = {"sum": "sum", "mean": "mean", "max": "amax"}[how]
                return self._method(args[0], name, [_dims([d - rank for d in dims])])
            case Expand(dim=dim, size=size):
                if program.stages[number] is not Stage.BATCH:
                    return self._spread(number, shape)
                if number in self.idioms.broadcast:
                    return self._method(args[0], "unsqueeze", [str(dim - len(shape))])
                if number in self.idioms.restored:
                    return self._restore(self.idioms.restored[number])
                if size == 1:
                    return self._unsqueeze(number, dim)
                self.helpers.add("repeat")
                return Code("_repeat", (args[0].text, str(dim - len(shape)), self._size(size)))
            case Mask(dims=dims):
                self.helpers.add("masked")
                places = [str(d - len(shape)) for d in dims]
                return Code("_masked", (args[0].text, args[1].text, *places))
            case MaskedReduce(dims=dims, how=how):
                self.helpers.update(("masked", f"masked_{how}"))
                rank = len(program.shape(instruction.args[0]))
                places = [str(d - rank) for d in dims]
                return Code(f"_masked_{how}", (args[0].text, args[1].text, *places))
            case Permute(order=order):
                return self._permute(args[0], order)
            case Reshape() if program.stages[number] is not Stage.BATCH:
                return self._method(args[0], "reshape", [self._size(n) for n in shape] or ["()"])
            case Reshape():
                return self._reshape(args[0], program.shape(instruction.args[0]), shape)
            case Einsum():
                return self._einsum(instruction, args)
            case Halves():
                return operation(args[0].atom, "+", args[1].atom, SUM)
            case Orthonormal():
                return operation(args[0].atom, "/", f"{args[1].atom}.sqrt()", PRODUCT)
            case Linear():
                return Code("F.linear", tuple(a.text for a in args))
            case Pointwise(function=function, options=options):
                texts = [args[0].text]
                defaults = dict(function_named(function).options)
                texts += [f"{k}={v!r}" for k, v in options if defaults[k] != v]
                (source,) = instruction.args
                wide = self.idioms.wide
                if number in wide and source not in wide:
                    self.helpers.add("wide")
                    texts[0] = f"_wide({texts[0]})"
                if function == "relu" and args[0].binds == SUM and number not in wide:
                    made = program.instructions[source]
                    if isinstance(made, Add | Sub) and program.stages[source] is Stage.BATCH:
                        # nobody else reads the sum, and its gradient does not need it
                        return self._method(args[0], "relu_", [])
                code = Code(function_named(function).torch, tuple(texts))
                if source in wide and number not in wide:
                    return self._method(code, "to", [f"{self._source(source)}.dtype"])
                return code
            case Add():
                terms = tuple(a.text for a in args)
                return Code(" + ".join(terms), binds=SUM, terms=terms)
            case Mul():
                return operation(args[0].atom, "*", args[1].atom, PRODUCT)
            case Sub():
                first, second = args
                right = second.text if second.binds >= PRODUCT else f"({second.text})"
                return operation(first.text, "-", right, SUM)
            case Scale(factor=factor):
                if factor == 0:
                    return Code("torch.zeros_like", (args[0].text,))
                if factor == -1:
                    return Code(f"-{args[0].atom}", binds=PRODUCT)
                if (1 / factor).is_integer() and abs(factor) < 1:
                    return operation(args[0].atom, "/", str(int(1 / factor)), PRODUCT)
                return operation(repr(factor), "*", args[0].atom, PRODUCT)
            case GroupNorm() | Dropout() | Detach():
                return self._layer(instruction, args)
            case Affine():
                scaled = f"{args[0].atom} * {args[1].atom}"
                terms = (scaled, args[2].text)
                return Code(" + ".join(terms), binds=SUM, terms=terms)
            case Fourier(dim=dim):
                self.helpers.add("fourier")
                rank = len(shape)
                return Code("_fourier", (args[0].text, str(dim - rank), str(-rank)))
            case FourierBack(dim=dim):
                self.helpers.add("fourier_back")
                rank = len(shape)
                return Code("_fourier_back", (args[0].text, str(-rank), str(dim - rank)))
            case Attend():
                return self._attend(instruction, args)
            case Normalise():
                return self._normalise(instruction, args)
            case Shift(term=term):
                sign = "+" if term > 0 else "-"
                return operation(args[0].text, sign, repr(abs(term)), SUM)
            case Concat(dim=dim):
                joined = tuple_text([a.text for a in args])
                if number in self.idioms.outermost:
                    self.helpers.add("joined")
                    return Code("_joined", (joined, str(dim - len(shape))))
                return Code("torch.cat", (joined, f"dim={dim - len(shape)}"))
            case Stack(dim=dim):
                joined = tuple_text([a.text for a in args])
                if 0 < dim == len(shape) - 1 and self.program.stages[number] is Stage.BATCH:
                    # whole rows side by side: entry by entry takes several times as long
                    rows = Code("torch.stack", (joined, "dim=-2"))
                    return self._method(rows, "transpose", ["-2", "-1"])
                return Code("torch.stack", (joined, f"dim={dim - len(shape)}"))
            case DiagonalEmbed(dims=dims):
                places = [f"dim{k + 1}={d - len(shape)}" for k, d in enumerate(dims)]
                return Code("torch.diag_embed", (args[0].text, *places))
            case Narrow(args=(source,)) if source in self.parts:
                return Code(f"{self.parts[source]}[{self.idioms.parts[number]}]")
            case Narrow(dim=dim, start=start, length=length):
                return self._method(
                    args[0], "narrow", [str(dim - len(shape)), str(start), str(length)]
                )
            case Axes(method=method, special=special, detach=detach):
                kind = f"special_{method}" if special else method
                self.helpers.add(kind)
                x = self._method(args[0], "detach", []) if detach else args[0]
                return Code(f"_{kind}", (x.text, *(a.text for a in args[1:])))
            case Determinant():
                self.helpers.add("handedness")
                return Code("_handedness", (args[0].text,))
            case RowOrder():
                self.helpers.add("row_order")
                return Code("_row_order", (args[0].text,))
            case InverseOrder():
                return self._method(args[0], "argsort", ["-1"])
            case TakeRows(dim=dim):
                self.helpers.add("take_rows")
                return Code("_take_rows", (args[0].text, args[1].text, str(dim - len(shape))))
            case Pad(mode="zero"):  # takes any number of leading dimensions by itself
                function, text, _, *widths = grid_call(instruction, [args[0].text])
                return Code(function, (text, *widths))
            case _ if isinstance(instruction, OnGrid):
                self.helpers.add("on_grid")
                return Code("_on_grid", grid_call(instruction, [a.text for a in args]))
        raise AssertionError(instruction)

    def broadcast(self, number: int) -> Code:
        """A repeated parameter as an operand that is broadcast: nothing is repeated."""
        shape = self.program.shape(number)
        register, places = number, list(range(len(shape)))
        while isinstance(step := self.program.instructions[register], Expand):
            places.pop(step.dim)
            register = step.args[0]
        ones = [self._size(n) if k in places else "1" for k, n in enumerate(shape)]
        while len(ones) > 1 and ones[0] == "1":
            ones.pop(0)
        if len(ones) <= 1 or len(ones) == len(places):
            return self.code[register]
        return self._method(self.code[register], "reshape", ones)

    def _size(self, size: int) -> str:
        return size.text(self.sizes) if isinstance(size, Size) else str(size)

    def shape(self, shape: Sequence[int]) -> str:
        sizes = ", ".join(self._size(n) for n in shape)
        return f"({sizes}{',' if len(shape) == 1 else ''})"

    def _method(self, x: Code, name: str, args: Sequence[str]) -> Code:
        return Code(f"{x.atom}.{name}", tuple(args), receiver=x)

    def _normalise(self, instruction: Normalise, args: Sequence[Code]) -> Code:
        """PyTorch's own where the dimensions are the last ones and their sizes are known."""
        x, *affine = args
        old = self.program.shape(instruction.args[0])
        dims = instruction.dims
        sizes = [old[dim] for dim in dims]
        eps = f"eps={instruction.eps!r}"
        if dims == tuple(range(len(old) - len(dims), len(old))) and all(
            type(size) is int for size in sizes
        ):
            name = "F.layer_norm" if instruction.centre else "F.rms_norm"
            return Code(name, (x.text, self.shape(sizes), *(a.text for a in affine), eps))
        assert not affine, "weight and bias of such a shape are multiplied and added"
        places = self.shape([dim - len(old) for dim in dims])
        name = "layer_norm" if instruction.centre else "rms_norm"
        self.helpers.add(name)
        return Code(f"_{name}", (x.text, places, eps))

    def _attend(self, instruction: Attend, args: Sequence[Code]) -> Code:
        """PyTorch's own; a mask of keys is added to the scores, as a bias is."""
        query, key, value, *rest = args
        texts = [query.text, key.text, value.text]
        if instruction.masked:
            self.helpers.add("absent")
            rank = len(self.program.shape(instruction.args[0]))
            like = query
            while like.receiver is not None:  # what matters is its precision
                like = like.receiver
            rest[-1] = Code("_absent", (rest[-1].text, like.text, str(rank - 1)))
        if rest:
            texts.append(f"attn_mask={' + '.join(part.text for part in rest)}")
        return Code("F.scaled_dot_product_attention", tuple(texts))

    def _layer(self, instruction: Layer, args: Sequence[Code]) -> Code:
        x = args[0]
        shape = self.program.shape(instruction.args[0])
        match instruction:
            case Detach():
                return self._method(x, "detach", [])
            case Dropout(p=p, keep=keep) if len(keep) == len(shape):
                return Code("F.dropout", (x.text, repr(p), "self.training"))
            case Dropout(p=p, keep=keep):
                self.helpers.add("dropout")
                fibres = self.shape([k - len(shape) for k in range(len(shape)) if k not in keep])
                return Code("_dropout", (x.text, repr(p), fibres, "self.training"))
            case GroupNorm(channels=channels, groups=groups, eps=eps):
                self.helpers.add("group_norm")
                sizes = self.shape((channels, prod(shape) // channels))
                affine = [a.text for a in args[1:]]
                return Code("_group_norm", (x.text, sizes, str(groups), *affine, f"eps={eps!r}"))

    def _source(self, number: int) -> str:
        """What a sum of squares was taken of."""
        while number in self.idioms.wide:
            number = self.program.instructions[number].args[0]
        return self.code[number].atom

    def _restore(self, reduced: int) -> Code:
        """Reduced along some axes, and expanded along the same ones."""
        instruction = self.program.instructions[reduced]
        code = self.code[reduced]
        assert code.args is not None and code.receiver is not None
        kept = replace(code, args=(*code.args, "keepdim=True"))
        return self._method(kept, "expand_as", [self.code[instruction.args[0]].text])

    def _unsqueeze(self, number: int, dim: int) -> Code:
        """A new axis of size 1; where it was just reduced, it is kept instead."""
        (arg,) = self.program.instructions[number].args
        place = str(dim - len(self.program.shape(number)))
        code = self.code[arg]
        match self.program.instructions[arg]:
            case Reduce(dims=(only,)) if only == dim and code.args == (place,):
                return replace(code, args=(place, "keepdim=True"))
        return self._method(code, "unsqueeze", [place])

    def _spread(self, number: int, shape: Shape) -> Code:
        """A repeated parameter: one reshape and one expand for a chain of repetitions."""
        sizes = [self._size(n) for n in shape]
        ones = list(sizes)
        register = number
        places = list(range(len(shape)))
        while isinstance(step := self.program.instructions[register], Expand):
            ones[places.pop(step.dim)] = "1"
            register = step.args[0]
        x = self.code[register]
        if len(shape) > 1:
            x = self._method(x, "reshape", ones)
        return x if ones == sizes and len(shape) > 1 else self._method(x, "expand", sizes)

    def _permute(self, x: Code, order: Sequence[int]) -> Code:
        rank = len(order)
        moved = [k for k in range(rank) if order[k] != k]
        if len(moved) == 2:
            return self._method(x, "transpose", [str(moved[0] - rank), str(moved[1] - rank)])
        source = _dims([order[k] - rank for k in moved])
        return self._method(x, "movedim", [source, _dims([k - rank for k in moved])])

    def _reshape(self, x: Code, old: Shape, new: Shape) -> Code:
        """Flatten or unflatten the dimensions that change; both if it must be."""
        for k, size in enumerate(new):
            if size == 1 and (*new[:k], *new[k + 1 :]) == old:
                return self._method(x, "unsqueeze", [str(k - len(new))])
        if not old:
            code = self._method(x, "unsqueeze", ["-1"])
            return (
                code if new == (1,) else Code("torch.unflatten", (code.text, "-1", self.shape(new)))
            )
        if not new:
            flat = x if len(old) == 1 else self._method(x, "flatten", [str(-len(old))])
            return self._method(flat, "squeeze", ["-1"])
        front = 0
        while front < min(len(old), len(new)) - 1 and old[front] == new[front]:
            front += 1
        back = 0
        while back < min(len(old), len(new)) - front - 1 and old[-1 - back] == new[-1 - back]:
            back += 1
        middle_old, middle_new = old[front : len(old) - back], new[front : len(new) - back]
        if len(middle_old) > 1:
            span = [str(-len(middle_old) - back)] + ([str(-1 - back)] if back else [])
            x = self._method(x, "flatten", span)
        if len(middle_new) > 1:
            x = Code("torch.unflatten", (x.text, str(-1 - back), self.shape(middle_new)))
        return x

    def cut(self, source: int, name: str) -> Code:
        """A result cut into the parts of which it is made; they are `name[0]`, `name[1]`, ..."""
        cuts = [
            step
            for step in self.program.instructions
            if isinstance(step, Narrow) and step.args == (source,)
        ]
        cuts.sort(key=lambda step: step.start)
        self.parts[source] = name
        sizes = self.shape([step.length for step in cuts])
        dim = str(cuts[0].dim - len(self.program.shape(source)))
        return self._method(self.code[source], "split_with_sizes", [sizes, dim])

    def _einsum(self, instruction: Einsum, args: Sequence[Code]) -> Code:
        inputs, output = instruction.spec.split("->")
        batched = [self.program.stages[arg] is Stage.BATCH for arg in instruction.args]
        marked = [
            ("..." if lead else "") + letters
            for letters, lead in zip(inputs.split(","), batched, strict=True)
        ]
        if len(args) == 2:
            first, second = inputs.split(",")
            along = table_along(first, second, output)
            if along is not None and not batched[0]:
                row, *dims = along
                table = args[0].text if row else f"{args[0].atom}.T"
                self.helpers.add("mapped")
                return Code("_mapped", (table, args[1].text, *map(str, dims)))
            dim = blocks_along(first, second, output)
            if dim is not None and batched == [True, False]:
                self.helpers.add("blocks")
                return Code("_blocks", (args[0].text, args[1].text, str(dim)))
        spec = ", ".join(marked) + " -> " + ("..." if any(batched) else "") + output
        return Code("torch.einsum", (f'"{spec}"', *(a.text for a in args)))


def operation(first: str, sign: str, second: str, binds: int) -> Code:
    """``first sign second``."""
    return Code(f"{first} {sign} {second}", binds=binds, terms=(first, f"{sign} {second}"))


def assign(lines: list[str], name: str, code: Code) -> None:
    flat = f"        {name} = {code.text}"
    if len(flat) > WIDTH and code.receiver is not None and code.receiver.args is not None:
        assign(lines, name, code.receiver)  # a chain of methods: one step a line
        method = code.head.rpartition(".")[2]
        code = Code(f"{name}.{method}", code.args)
    inner = f"            {code.text}"
    if len(f"        {name} = {code.head}(") > WIDTH >= len(inner) and "\n" not in inner:
        lines += [f"        {name} = (", inner, "        )"]
        return
    if code.args is not None:
        lines.extend(call(8, f"{name} = {code.head}", code.args, code.tail))
        return
    if len(flat) <= WIDTH:
        lines.append(flat)
    else:  # of many terms
        lines.append(f"        {name} = (")
        if len(inner) <= WIDTH or not code.terms:
            lines.append(inner)
        else:
            for k, term in enumerate(code.terms):
                sign = "" if not k or term[:2] in SIGNS else "+ "
                lines.append(f"            {sign}{term}")
        lines.append("        )")


def _dims(dims: Sequence[int]) -> str:
    return str(dims[0]) if len(dims) == 1 else "(" + ", ".join(str(d) for d in dims) + ")"
