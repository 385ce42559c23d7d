"""`dropout` and `stop_gradient`.

`dropout` draws one number for every sample and every index of the plain axes, and multiplies whole
fibres by it: on the axes on which groups act the mask is constant, a scalar for every orbit and every
irreducible part. So the law holds for every single draw, g (m x) = m (g x). A mask with a number of its
own for every entry of an orbit commutes with nothing; only its distribution is invariant, and only
where the group permutes the entries, up to signs. In evaluation nothing is dropped.

`stop_gradient` is the identity; gradients end there.

Source: Tompson, Goroshin, Jain, LeCun and Bregler, *Efficient Object Localization Using Convolutional
Networks* (2015), where whole channels are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.graph.types import PlainAxis
from eqspec.ops.chosen import chosen_dims
from eqspec.ops.contract import Irreducible, LoweringSite, Op, Registers
from eqspec.program.layers import Detach, Dropout

P = 0.5


@dataclass(frozen=True)
class Dropping:
    """The share that is dropped."""

    p: float


def check_dropout(site: CallSite) -> Checked:
    p = site.keywords.get("p", P)
    assert isinstance(p, float)
    if not 0 <= p < 1:
        site.refuse(
            "EQS207",
            "`p` is at least 0 and below 1",
            "the probability that a fibre is dropped",
            span=site.keyword_spans["p"],
        )
    return Checked(site.args[0].type, Dropping(p))


def lower_dropout(site: LoweringSite) -> Registers:
    data = site.node.data
    assert isinstance(data, Dropping)
    if data.p == 0:
        return site.args[0]
    found: list[int] = []
    for number, (x, block) in enumerate(zip(site.args[0], site.types[0].blocks, strict=True)):
        plain = tuple(k for k, axis in enumerate(block.axes) if isinstance(axis, PlainAxis))
        suffix = "" if len(site.args[0]) == 1 else f".{number}"
        keep = tuple(chosen_dims(block, plain))
        found.append(site.builder.emit(Dropout((x,), f"{site.node.name}{suffix}", keep, data.p)))
    return tuple(found)


def check_stop(site: CallSite) -> Checked:
    return Checked(site.args[0].type, generic=site.generic)


def lower_stop(site: LoweringSite) -> Registers:
    return tuple(site.builder.emit(Detach((x,))) for x in site.args[0])


DROPOUT = Op(
    "dropout",
    Signature(keywords={"p": "number"}, target="keeps", sizes="padded"),
    check_dropout,
    lower_dropout,
    "what is drawn is one number for all entries on which a group acts, and a number commutes with every matrix",
)
STOP_GRADIENT = Op(
    "stop_gradient",
    Signature(target="keeps", sizes="padded", points=True),
    check_stop,
    lower_stop,
    "nothing changes but the gradient",
    irreducible=Irreducible(lambda node, types, frame: True, lower_stop),
)
OPS = (DROPOUT, STOP_GRADIENT)
