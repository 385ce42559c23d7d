"""The pointwise family: one function of a real variable, applied to every entry.

Typing, for every generator of every factor on the whole block: its matrix is monomial and each of its
entries s satisfies f(s x) = s f(x) for all x. A row with two non-zero entries would force
f(a u + b v) + c = a f(u) + b f(v) (Pexider's equation), so that f were affine: the condition is
necessary as well. A function that jumps is certified almost everywhere at best, because rounding can
flip its decision next to a jump.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from eqspec.diagnostics.model import Label
from eqspec.graph.model import Level
from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import Block, block_entries
from eqspec.ops.contract import LoweringSite, Op, Registers

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Scalings(Enum):
    """The set of s with f(s x) = s f(x) for all x."""

    ONE = "permutations only"
    POSITIVE = "permutations and positive scalings"
    SIGNS = "permutations and signs"


@dataclass(frozen=True)
class Function:
    """``options`` are keyword arguments with their defaults; ``numpy`` is the oracle, an expression in
    x and the options; ``torch`` the function of PyTorch (``F.`` for torch.nn.functional). ``jumps``
    are the numbers at which it does. ``ties``:
    could it make numbers equal that are not? If not (proved in `graph.guarantees`), what is generic
    stays so."""

    name: str
    scalings: Scalings
    numpy: Callable[[Any, Any, Mapping[str, float]], Any]
    torch: str
    options: tuple[tuple[str, float], ...] = ()
    jumps: str = ""
    ties: bool = True


def _sigmoid(np: Any, x: Any) -> Any:
    return 0.5 * (1 + np.tanh(x / 2))


def _softplus(np: Any, x: Any) -> Any:
    return np.logaddexp(0, x)


def _erf(np: Any, x: Any) -> Any:
    return np.vectorize(math.erf, otypes=[float])(x)


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946

ONE, POSITIVE, SIGNS = Scalings.ONE, Scalings.POSITIVE, Scalings.SIGNS
_TABLE = [
    Function("relu", POSITIVE, lambda np, x, o: np.maximum(x, 0), "torch.relu"),
    Function(
        "leaky_relu",
        POSITIVE,
        lambda np, x, o: np.where(x > 0, x, o["negative_slope"] * x),
        "F.leaky_relu",
        (("negative_slope", 0.01),),
        ties=False,  # but with slope 0: see `check`
    ),
    Function("abs", POSITIVE, lambda np, x, o: np.abs(x), "torch.abs"),
    Function("tanh", SIGNS, lambda np, x, o: np.tanh(x), "torch.tanh"),
    Function("sin", SIGNS, lambda np, x, o: np.sin(x), "torch.sin"),
    Function("atan", SIGNS, lambda np, x, o: np.arctan(x), "torch.atan"),
    Function("asinh", SIGNS, lambda np, x, o: np.arcsinh(x), "torch.asinh", ties=False),
    Function("erf", SIGNS, lambda np, x, o: _erf(np, x), "torch.erf"),
    Function("softsign", SIGNS, lambda np, x, o: x / (1 + np.abs(x)), "F.softsign"),
    Function("tanhshrink", SIGNS, lambda np, x, o: x - np.tanh(x), "F.tanhshrink"),
    Function(
        "softshrink",
        SIGNS,
        lambda np, x, o: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
        "F.softshrink",
    ),
    Function("hardtanh", SIGNS, lambda np, x, o: np.clip(x, -1, 1), "F.hardtanh"),
    Function("sign", SIGNS, lambda np, x, o: np.sign(x), "torch.sign", jumps="0"),
    Function(
        "round", SIGNS, lambda np, x, o: np.round(x), "torch.round", jumps="half an odd number"
    ),
    Function(
        "hardshrink",
        SIGNS,
        lambda np, x, o: np.where(np.abs(x) > 0.5, x, 0.0),
        "F.hardshrink",
        jumps="0.5 or -0.5",
    ),
    Function("gelu", ONE, lambda np, x, o: x * 0.5 * (1 + _erf(np, x / math.sqrt(2))), "F.gelu"),
    Function("silu", ONE, lambda np, x, o: x * _sigmoid(np, x), "F.silu"),
    Function("mish", ONE, lambda np, x, o: x * np.tanh(_softplus(np, x)), "F.mish"),
    Function(
        "elu",
        ONE,
        lambda np, x, o: np.where(x > 0, x, o["alpha"] * np.expm1(np.minimum(x, 0))),
        "F.elu",
        (("alpha", 1.0),),
    ),
    Function(
        "celu",
        ONE,
        lambda np, x, o: np.where(x > 0, x, o["alpha"] * np.expm1(np.minimum(x, 0) / o["alpha"])),
        "F.celu",
        (("alpha", 1.0),),
    ),
    Function(
        "selu",
        ONE,
        lambda np, x, o: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))),
        "F.selu",
    ),
    Function("relu6", ONE, lambda np, x, o: np.clip(x, 0, 6), "F.relu6"),
    Function("sigmoid", ONE, lambda np, x, o: _sigmoid(np, x), "torch.sigmoid"),
    Function("hardsigmoid", ONE, lambda np, x, o: np.clip(x / 6 + 0.5, 0, 1), "F.hardsigmoid"),
    Function("hardswish", ONE, lambda np, x, o: x * np.clip(x / 6 + 0.5, 0, 1), "F.hardswish"),
    Function("softplus", ONE, lambda np, x, o: _softplus(np, x), "F.softplus"),
    Function("logsigmoid", ONE, lambda np, x, o: -_softplus(np, -x), "F.logsigmoid"),
    Function("exp", ONE, lambda np, x, o: np.exp(x), "torch.exp"),
    Function("cos", ONE, lambda np, x, o: np.cos(x), "torch.cos"),
    Function("square", ONE, lambda np, x, o: x * x, "torch.square"),
    Function("floor", ONE, lambda np, x, o: np.floor(x), "torch.floor", jumps="a whole number"),
]
FUNCTIONS: dict[str, Function] = {function.name: function for function in _TABLE}
_STEPS = [  # on the way of other ops, of arguments that are positive; no spec calls them
    Function("sqrt", ONE, lambda np, x, o: np.sqrt(x), "torch.sqrt"),
    Function("rsqrt", ONE, lambda np, x, o: 1 / np.sqrt(x), "torch.rsqrt"),
]
STEPS: dict[str, Function] = {function.name: function for function in _STEPS}


def function_named(name: str) -> Function:
    """A function that a spec may call, or a step on the way of another op."""
    return FUNCTIONS[name] if name in FUNCTIONS else STEPS[name]


def numpy_functions() -> dict[str, Callable[[NDArray[Any], Mapping[str, float]], NDArray[Any]]]:
    """The oracles, for the interpreter."""
    import numpy as np

    def bind(f: Function) -> Callable[[NDArray[Any], Mapping[str, float]], NDArray[Any]]:
        return lambda x, options: f.numpy(np, x, options)

    return {name: bind(function) for name, function in (FUNCTIONS | STEPS).items()}


def allowed(scalings: Scalings, s: Fraction) -> bool:
    match scalings:
        case Scalings.ONE:
            return s == 1
        case Scalings.POSITIVE:
            return s > 0
        case Scalings.SIGNS:
            return abs(s) == 1


def check(site: CallSite) -> Checked:
    function = FUNCTIONS[site.op]
    (arg,) = site.args
    places = [
        (block, factor, number, generator)
        for block in arg.type.blocks
        for factor, group in sorted(arg.type.groups.items())
        for number, generator in enumerate(group.generators)
    ]
    # generators that mix entries first: where one does, an odd function is no way out
    places.sort(key=lambda place: block_entries(*place[:3]) is not None)
    for block, factor, number, generator in places:
        _check_generator(site, function, block, factor, number, generator)
    options: dict[str, float] = dict(function.options)
    for key, value in site.keywords.items():
        assert isinstance(value, float)
        if key == "alpha" and value <= 0:
            site.refuse("EQS207", "`alpha` must be positive", "", span=site.keyword_spans[key])
        options[key] = value
    level = Level.EXACT
    if function.jumps:
        level = Level.ALMOST_EVERYWHERE if arg.generic else Level.APPROXIMATE
    keeps = not function.ties and options.get("negative_slope") != 0
    null_set = ""
    if function.jumps:
        whose = "its argument" if "." in arg.name else f"`{arg.name}`"
        null_set = f"inputs where an entry of {whose} is {function.jumps}"
    data = (site.op, tuple(sorted(options.items())))
    return Checked(arg.type, data, level, arg.generic and keeps, null_set)


def _check_generator(
    site: CallSite, function: Function, block: Block, factor: str, number: int, generator: str
) -> None:
    entries = block_entries(block, factor, number)
    arg = site.args[0]
    carrier = next((str(axis) for axis in block.axes if factor in axis.factors), str(block))
    labels = (Label(arg.span, f"`{factor}` acts on this by `{carrier}`"),)
    if entries is None:
        site.refuse(
            "EQS401",
            f"`{function.name}` is not equivariant on `{carrier}`",
            f"pointwise functions commute with permutations only; `{factor}.{generator}` mixes entries",
            labels=labels,
            help="`norm_relu(x)` acts on lengths and keeps directions, `gated(x, gates)` multiplies by"
            " invariants; " + _regular(site, factor),
        )
    bad = sorted(s for s in entries if not allowed(function.scalings, s))
    if bad:
        odd = next(f.name for f in _TABLE if f.scalings is Scalings.SIGNS)
        help_ = _regular(site, factor)
        if all(abs(s) == 1 for s in bad):
            help_ = f"`{odd}` is odd and keeps signs, or {help_}"
        site.refuse(
            "EQS401",
            f"`{function.name}` is not equivariant on `{carrier}`",
            f"`{factor}.{generator}` multiplies an entry by {bad[0]};"
            f" `{function.name}` commutes with {function.scalings.value}",
            labels=labels,
            help=help_,
        )


def _regular(site: CallSite, factor: str) -> str:
    """The other way out: permutations, which a finite group has."""
    if site.args[0].type.groups[factor].order is None:
        return "take invariants first: `norm(x)`, `dot(x, x)`"
    return f"map to a regular representation first: `[..., {factor}.regular] = linear(...)`"


def lower(site: LoweringSite) -> Registers:
    data = site.node.data
    assert isinstance(data, tuple)
    name, options = data
    return tuple(site.builder.pointwise(x, name, options) for x in site.args[0])


def _ops() -> list[Op]:
    return [
        Op(
            function.name,
            Signature(
                keywords={key: "number" for key, _ in function.options},
                target="keeps",
                sizes="padded",
                sampled="pixel",
            ),
            check,
            lower,
            f"it is pointwise and commutes with {function.scalings.value}, and every generator acts so",
        )
        for function in _TABLE
    ]


OPS = tuple(_ops())
