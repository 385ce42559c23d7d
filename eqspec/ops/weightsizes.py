"""The sizes of weights: what no program should build is refused before it is built."""

from __future__ import annotations

from eqspec.diagnostics.model import Span
from eqspec.graph.op import CallSite
from eqspec.graph.types import Block
from eqspec.limits import limits
from eqspec.ops.clusters import middle_size
from eqspec.ops.drawing import (
    drawing_of,
    largest_stack,
    largest_weight,
)


def check_weight(
    site: CallSite, source: Block, block: Block, each: tuple[str, ...], span: Span
) -> None:
    """Refuse a weight, or a table behind it, that is too large to build."""
    weight, labels = middle_size(source, block, each)
    if weight > limits().weight_entries or labels > limits().table_entries:
        drawing = drawing_of(source, block, each)
        if drawing is not None:
            weight, labels = largest_weight(drawing), largest_stack(drawing)
    if weight > limits().weight_entries or labels > limits().table_entries:
        what, count, most = "the weight", weight, limits().weight_entries
        if weight <= limits().weight_entries:
            what, count, most = "a table or a step", labels, limits().table_entries
        said = f"{count:,}" if count < 10**15 else "far too many"
        site.refuse(
            "EQS413",
            f"{what} of this layer would have {said} entries",
            f"from {source} to {block}",
            span=span,
            help=f"at most {most:,} are built; pool an axis first",
        )
