"""The law of every op: when does it commute with the group, on the types that the certificate states?

One function for each op, in the file of its family. It returns nothing if the law is shown, raises
`Broken` if it fails, and `Unproved` where the certificate does not say enough. An op that is not in the
table stands on the compiler's word, and the report says so.
"""

from __future__ import annotations

from collections.abc import Callable

from eqspec.verify.laws.averages import AVERAGES
from eqspec.verify.laws.entrywise import ENTRYWISE
from eqspec.verify.laws.maps import MAPS
from eqspec.verify.laws.norms import NORMS
from eqspec.verify.laws.products import PRODUCTS
from eqspec.verify.laws.reducing import REDUCING
from eqspec.verify.laws.site import Broken, Site, Unproved
from eqspec.verify.laws.structure import STRUCTURE
from eqspec.verify.laws.windows import WINDOWS

LAWS: dict[str, Callable[[Site], None]] = {
    **STRUCTURE,
    **ENTRYWISE,
    **MAPS,
    **REDUCING,
    **NORMS,
    **PRODUCTS,
    **WINDOWS,
    **AVERAGES,
}

_AVERAGE = frozenset({"base", "networks", "branches", "elements"})
_SWEEP = frozenset({"kernel", "stride", "padding", "dilation", "mode", "positions"})
_STATISTIC = frozenset({"axes", "forms", "mean", "biases"})
_PAIRS = frozenset({"contracted", "forms", "shared"})

DATA: dict[str, frozenset[str]] = {
    **dict.fromkeys(AVERAGES, _AVERAGE),
    **dict.fromkeys(WINDOWS, _SWEEP | {"by"}),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _SWEEP | {"groups", "transposed", "results"}),
    **dict.fromkeys(("layer_norm", "rms_norm"), _STATISTIC),
    **dict.fromkeys(("norm", "norm_relu"), frozenset({"axes", "forms", "squared"})),
    **dict.fromkeys(("dot", "tensor_product"), _PAIRS),
    **dict.fromkeys(("elu", "celu"), frozenset({"alpha"})),
    "batch_norm": frozenset({"channels", "mean", "biases"}),
    "block": frozenset({"start", "stop"}),
    "call": frozenset({"module", "bases"}),
    "center": frozenset({"axes"}),
    "concat": frozenset({"how", "axis"}),
    "difference": frozenset({"pairwise"}),
    "embedding": frozenset({"places"}),
    "field": frozenset({"axis", "name", "start"}),
    "gated": frozenset({"places"}),
    "leaky_relu": frozenset({"negative_slope"}),
    "linear": frozenset({"each"}),
    "pool": frozenset({"axes", "by"}),
}
"""The data of the ops that have a law; the others have none. What a law does not know it does not pass."""

__all__ = ["DATA", "LAWS", "Broken", "Site", "Unproved"]
