"""How generators act, written as Python data: for the emitted tests and the symmetry functions.

They are written from the matrices of the representations, never from the module's own code. The
inverse of a generator of infinite order is no power of it and has an entry of its own, `"G.b^-1"`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from eqspec.algebra.images import (
    AffineMap,
    Image,
    Infinitesimal,
    Monomial,
    explicit,
    inverse,
    rows_of,
)
from eqspec.algebra.representations import Representation
from eqspec.emit.layout import WIDTH
from eqspec.graph.sizes import Size, is_dynamic
from eqspec.graph.types import Block, Type
from eqspec.lowering.controls import generator_order
from eqspec.lowering.letters import exponential

LONG = 600  # entries up to which a permutation is written out
SPARSE = 8  # beyond, only what it moves, if all but one in so many entries stay


def shape_text(shape: Sequence[int], names: Mapping[str, str] | None = None) -> str:
    """A shape as a tuple; ``names`` are the variables of sizes of run time."""
    sizes = ", ".join(n.text(names) if isinstance(n, Size) else str(n) for n in shape)
    return f"({sizes}{',' if len(shape) == 1 else ''})"


def drawn(factor: str) -> list[str]:
    """Names for permutations that the tests draw at random, at every size, beside the generators."""
    return [f"{factor}[0]", f"{factor}[1]"]


def law_lines(indent: int, type_: Type) -> list[str]:
    """The lines of a list with one entry a block: a list of axes `(dim, width, {generator: image})`."""
    pad = " " * indent
    lines = [f"{pad}["]
    for block in type_.blocks:
        axes = [*_axes(indent + 8, block), *_words(indent + 8, block)]
        if not axes:
            lines.append(f"{pad}    [],")
        else:
            lines += [f"{pad}    [", *axes, f"{pad}    ],"]
    lines.append(f"{pad}],")
    return lines


def _axes(indent: int, block: Block) -> list[str]:
    pad = " " * indent
    lines: list[str] = []
    rank = len(block.shape)
    for rep, dim, width in block.actions:
        lines += [f"{pad}(", f"{pad}    {dim - rank},", f"{pad}    {width},", f"{pad}    {{"]
        groups = dict(rep.groups)
        for factor in sorted(rep.factors):
            for number, generator in enumerate(groups[factor].generators):
                key = f"{factor}.{generator}"
                shift = rank - dim - width
                if isinstance(groups[factor].model[number], Infinitesimal):
                    for name, times in ((key, 1), (f"{key}^-1", -1)):
                        rows = exponential(rep, factor, number, times).tolist()
                        texts = [", ".join(repr(v) for v in row) for row in rows]
                        lines.extend(_matrix(indent + 8, f'"{name}"', texts))
                    continue
                lines.extend(_generator(indent + 8, f'"{key}"', rep, factor, number, shift))
                if generator_order(groups[factor], number) is None:
                    back = inverse(rep.any_image(factor, number))
                    made = back if isinstance(back, AffineMap) else explicit(back)
                    lines.extend(_image(indent + 8, f'"{key}^-1"', made))
            if is_dynamic(rep.shape):
                for number, key in enumerate(drawn(factor)):
                    text = f'("shuffle", {number}, {dim - rank})'
                    lines.extend(_entry(indent + 8, f'"{key}"', ['"lattice"', text]))
        lines += [f"{pad}    }},", f"{pad}),"]
    return lines


def _words(indent: int, block: Block) -> list[str]:
    """How generators permute the values of an index tensor: the words that they move, and to which."""
    if block.values is None:
        return []
    pad = " " * indent
    if not block.values.factors or block.values.rep is None:
        return [f"{pad}(", f"{pad}    0,", f"{pad}    0,", f"{pad}    {{}},", f"{pad}),"]
    rep = block.values.rep
    lines = [f"{pad}(", f"{pad}    0,", f"{pad}    0,", f"{pad}    {{"]
    for factor in sorted(rep.factors):
        for number, generator in enumerate(rep.group(factor).generators):
            image = rep.image(factor, number)
            assert isinstance(image, Monomial)
            moved = [(word, to) for word, to in enumerate(image.images) if word != to]
            lists = [[str(word) for word, _ in moved], [str(to) for _, to in moved]]
            lines += _numbers(indent + 8, f'"{factor}.{generator}"', '"words"', lists)
    return [*lines, f"{pad}    }},", f"{pad}),"]


def word_count(block: Block) -> int:
    """How many words an index tensor numbers; 0 for a tensor of real numbers."""
    return block.values.size if block.values is not None else 0


def _generator(
    indent: int, key: str, rep: Representation, factor: str, number: int, shift: int
) -> list[str]:
    if is_dynamic(rep.shape):  # `natural`: t = (0 1), c = (0 1 ... n-1), at every n
        step = f'("swap", {-1 - shift})' if number == 0 else f'("roll", 1, {-1 - shift})'
        return _entry(indent, key, ['"lattice"', step])
    steps = rep.lattice_ops(factor, number)
    if steps is not None:
        texts = [_step(step, shift) for step in steps]
        return _entry(indent, key, ['"lattice"', *texts])
    image = rep.any_image(factor, number)
    return _image(indent, key, image if isinstance(image, AffineMap) else explicit(image))


def _image(indent: int, key: str, image: Image | AffineMap) -> list[str]:
    if isinstance(image, AffineMap):  # the rows, then what is added
        rows = [*rows_of(image.linear), image.shift]
        return _matrix(indent, key, [_row(row) for row in rows], "affine")
    if isinstance(image, Monomial):
        words = [str(k) for k in image.images]
        moved = [k for k, to in enumerate(image.images) if k != to]
        if image.is_permutation and len(words) > LONG and SPARSE * len(moved) < len(words):
            lists = [[str(k) for k in moved], [str(image.images[k]) for k in moved]]
            return _numbers(indent, key, '"moves"', lists)
        if image.is_permutation:
            return _numbers(indent, key, '"permutation"', [words])
        return _numbers(indent, key, '"signed"', [words, [str(s) for s in image.signs]])
    return _matrix(indent, key, [_row([Fraction(v) for v in row]) for row in rows_of(image)])


def _matrix(indent: int, key: str, rows: Sequence[str], kind: str = "matrix") -> list[str]:
    pad = " " * indent
    lines = [f"{pad}{key}: (", f'{pad}    "{kind}",']
    for row in rows:
        flat = f"{pad}    ({row},)," if "," not in row else f"{pad}    ({row}),"
        if len(flat) <= WIDTH:
            lines.append(flat)
            continue
        lines += [f"{pad}    (", *(f"{pad}        {v}," for v in row.split(", ")), f"{pad}    ),"]
    return [*lines, f"{pad}),"]


def _row(row: Sequence[Fraction]) -> str:
    return ", ".join(
        str(v.numerator) if v.denominator == 1 else f"{v.numerator} / {v.denominator}" for v in row
    )


def _step(step: tuple[object, ...], shift: int) -> str:
    """A step of torch with its dimensions counted from the end of the whole tensor."""
    name, *rest = step
    if name == "roll":
        amount, dim = rest
        return f'("roll", {amount}, {int(str(dim)) - shift})'
    dims = rest[-1]
    assert isinstance(dims, tuple)
    moved = ", ".join(str(d - shift) for d in dims)
    moved = f"({moved},)" if len(dims) == 1 else f"({moved})"
    if name == "rot90":
        return f'("rot90", {rest[0]}, {moved})'
    return f'("{name}", {moved})'


def _entry(indent: int, key: str, items: Sequence[str]) -> list[str]:
    pad = " " * indent
    flat = f"{pad}{key}: ({', '.join(items)}{',' if len(items) == 1 else ''}),"
    if len(flat) <= WIDTH:
        return [flat]
    return [f"{pad}{key}: (", *(f"{pad}    {item}," for item in items), f"{pad}),"]


def _numbers(indent: int, key: str, kind: str, lists: Sequence[Sequence[str]]) -> list[str]:
    pad = " " * indent
    flat = f"{pad}{key}: ({kind}, " + ", ".join(f'"{" ".join(words)}"' for words in lists) + "),"
    if len(flat) <= WIDTH:
        return [flat]
    lines = [f"{pad}{key}: (", f"{pad}    {kind},"]
    for words in lists:
        one = f'{pad}    "{" ".join(words)}",'
        if len(one) <= WIDTH:
            lines.append(one)
            continue
        rows: list[str] = []
        row = ""
        for word in words:
            longer = f"{row} {word}" if row else word
            if len(longer) + indent + 12 > WIDTH:
                rows.append(f'{pad}        "{row} "')
                row = word
            else:
                row = longer
        rows = [f"{pad}    (", *rows, f'{pad}        "{row}"', f"{pad}    ),"]
        lines.extend(rows)
    return [*lines, f"{pad}),"]
