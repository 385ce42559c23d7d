"""The importance-weighted average of a user's network: `lambda_equitune`.

    y(x) = sum_g lambda(g x) rho(g)^-1 base(g x) / sum_g lambda(g x),    lambda = softplus(weights(g x)) + eps

(Basu, Katdare, Sattigeri, Chenthamarakshan, Driggs-Campbell, Das, Varshney, *Efficient Equivariant
Transfer Learning from Pretrained Models*, NeurIPS 2023.) It is exactly equivariant for every base and
every weights: with g' = g h, the numerator at h x is rho(h) times that at x, and the denominator is the
same. Nothing is asked of lambda but a sum that is not 0; softplus and eps > 0 see to it. Equal weights give
the plain mean, all the weight on one element of every orbit gives the choice of `equizero`.

For elements k of the kernel on the arguments lambda(g k x) = lambda(g x): the kernel is averaged by a
projection of the result, as in `equitune`. For an orthogonal target the result is the equivariant map that
is closest to the base in the mean of squares with weights lambda. For others it is not; the matrix of the
normal equations would depend on x (docs/decisions).
"""

from __future__ import annotations

from eqspec.graph.op import CallSite, Checked, Signature
from eqspec.ops.averaging import Weighted, full, lower
from eqspec.ops.contract import Op
from eqspec.ops.normalise import LEAST_EPS
from eqspec.ops.orbitchecks import check_second

EPS = 1e-6


def check_lambda(site: CallSite) -> Checked:
    base, weights = site.bases
    checked = full(site, Weighted(weights, _eps(site)))
    check_second(site, base, weights, "weights")
    return checked


def _eps(site: CallSite) -> float:
    eps = site.keywords.get("eps", EPS)
    assert isinstance(eps, float)
    if not LEAST_EPS <= eps <= 1:
        site.refuse(
            "EQS207",
            f"`eps` is between {LEAST_EPS:g} and 1",
            "it keeps the sum of the weights away from 0",
            span=site.keyword_spans["eps"],
        )
    return eps


LAMBDA_EQUITUNE = Op(
    "lambda_equitune",
    Signature((1, None), 2, {"eps": "number"}, "chooses", indices=True),
    check_lambda,
    lower,
    "the weighted mean of rho(g)^-1 base(g x) with weights lambda(g x) > 0 commutes with every element:"
    " both sums run over the orbit",
)
OPS = (LAMBDA_EQUITUNE,)
