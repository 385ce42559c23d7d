"""Functions of one real variable, entry by entry.

f commutes with a generator iff its matrix has one entry s in each row and column and f(s x) = s f(x).
"""

from __future__ import annotations

from collections.abc import Callable

from eqspec.verify.laws.site import Site
from eqspec.verify.types import generators, is_sampled, nonzero_of_axes, same_type

PERMUTATIONS = (
    "gelu silu mish elu celu selu relu6 sigmoid hardsigmoid hardswish softplus logsigmoid exp cos square"
    " floor"
)
POSITIVE = "relu leaky_relu abs"
ODD = "tanh sin atan asinh erf softsign tanhshrink softshrink hardtanh sign round hardshrink"

JUMPS = frozenset({"sign", "round", "hardshrink", "floor"})
"""Functions that jump: near a jump rounding decides, so they hold almost everywhere at best."""


def _law(allowed: str) -> Callable[[Site], None]:
    def law(site: Site) -> None:
        site.require(len(site.args) == 1, "it has one argument")
        site.require(same_type(site.args[0], site.type), "the type of its argument is another")
        for block in site.type:
            site.require(block.values is None, "it is applied to whole numbers")
            # entry by entry it does the same at every pixel of a picture of samples
            axes = [axis for axis in block.axes if not is_sampled(axis)]
            for name, g in generators(axes):
                found = nonzero_of_axes(axes, name, g)
                site.require(
                    found is not None, f"generator {g} of {name} mixes entries of {block.text}"
                )
                for s in found or ():
                    fits = (
                        s == 1
                        or (allowed == "positive" and s > 0)
                        or (allowed == "odd" and s == -1)
                    )
                    site.require(fits, f"generator {g} of {name} multiplies entries by {s}")

    return law


ENTRYWISE = {
    **dict.fromkeys(PERMUTATIONS.split(), _law("permutations")),
    **dict.fromkeys(POSITIVE.split(), _law("positive")),
    **dict.fromkeys(ODD.split(), _law("odd")),
}
