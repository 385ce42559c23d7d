"""Norms: sets of entries that share a statistic, forms that give it, means that are taken off."""

from __future__ import annotations

from fractions import Fraction

from eqspec.verify.forms import fits, is_invariant, is_positive
from eqspec.verify.laws.reducing import form_of
from eqspec.verify.laws.site import Site, without
from eqspec.verify.reading import Malformed
from eqspec.verify.record import Block, Part
from eqspec.verify.types import generators, moved_by, nonzero_of_axes, permutes_with, same_type

_ONES = frozenset([Fraction(1)])


def sample_norm(site: Site) -> None:
    """`layer_norm`, `rms_norm`: a positive form along the axes of a statistic is kept, its indices are
    permuted up to signs; a mean needs permutations with one sign for all entries."""
    site.require(same_type(site.args[0], site.type), "the type of its argument is another")
    chosen, forms = site.numbers("axes"), site.data.get("forms")
    if not isinstance(forms, list) or len(forms) != len(chosen):
        raise Malformed(f"node {site.node.name!r}: data.forms is none")
    site.require(len(chosen) == len(site.type), "it has other blocks")
    centred = site.node.op == "layer_norm"
    site.require(site.data.get("mean") is centred, "whether a mean is taken off is not its own")
    for along, own, block in zip(chosen, forms, site.type, strict=True):
        each = without(block.axes, along)
        site.require(permutes_with(each, "signs"), "indices with own statistics are not permuted")
        if not isinstance(own, list) or len(own) != len(along):
            raise Malformed(f"node {site.node.name!r}: data.forms is none")
        for k, written in zip(along, own, strict=True):
            form, axis = form_of(written), block.axes[k]
            site.require(fits(axis, form), "a form has another size than its axis")
            kept = is_invariant(axis, form) and is_positive(form)
            site.require(kept, "a statistic is not invariant")
        if centred:
            _one_sign(site, [block.axes[k] for k in along])
    _biases(site)


def _one_sign(site: Site, axes: list[Part]) -> None:
    for name, g in generators(axes):
        found = nonzero_of_axes(axes, name, g)
        fine = found is not None and len(found) == 1 and abs(next(iter(found))) == 1
        site.require(fine, "a mean of entries that are not permuted")


def batch_norm(site: Site) -> None:
    """Orthogonal matrices keep the mean square of a batch, whatever moves each sample; nothing moves the
    indices of the statistics."""
    site.require(same_type(site.args[0], site.type), "the type of its argument is another")
    channels, means = site.numbers("channels"), site.data.get("mean")
    if not isinstance(means, list) or len(means) != len(channels):
        raise Malformed(f"node {site.node.name!r}: data.mean is none")
    site.require(len(channels) == len(site.type), "it has other blocks")
    for own, mean, block in zip(channels, means, site.type, strict=True):
        without(block.axes, own)
        still = all(not moved_by(block.axes[k]) for k in own)
        site.require(still, "something moves the indices of running statistics")
        kept = all(is_invariant(axis, None) for axis in block.axes)
        site.require(kept, "a generator is not orthogonal")
        if mean is not False:
            site.require(_permuted(block), "a mean is taken off entries that are not permuted")
    _biases(site)


def _biases(site: Site) -> None:
    """A bias is constant along acted axes: that is invariant where entries are permuted."""
    biases = site.data.get("biases")
    if not isinstance(biases, list) or len(biases) != len(site.type):
        raise Malformed(f"node {site.node.name!r}: data.biases is none")
    for bias, block in zip(biases, site.type, strict=True):
        if bias is not False:
            site.require(_permuted(block), "a bias stands beside signs or mixed entries")


def _permuted(block: Block) -> bool:
    return all(nonzero_of_axes(block.axes, name, g) == _ONES for name, g in generators(block.axes))


NORMS = {"layer_norm": sample_norm, "rms_norm": sample_norm, "batch_norm": batch_norm}
