"""Where tensors of whole numbers may stand: one gate for all ops.

An index tensor is no vector: a sum or a multiple of word 3 and word 5 is not a word. So every op
refuses such arguments but those whose signature says that they have a rule for them, and no op makes
one. In: a call of an op. Out: nothing, or a refusal.
"""

from __future__ import annotations

from eqspec.graph.op import CallSite, OpTyping


def check_arguments(site: CallSite, op: OpTyping) -> None:
    """Raises `Refusal` where an index tensor is an argument of an op without a rule for it (EQS223), or
    the declared type of what an op makes (EQS224)."""
    if not op.signature.indices:
        for arg, span in zip(site.args, site.arg_spans, strict=True):
            if arg.type.has_indices:
                site.refuse(
                    "EQS223",
                    f"`{op.name}` takes features, and these are numbers of words",
                    f"`{arg.name}` has type {arg.type}",
                    span=span,
                    help="`embedding` makes features of them",
                )
    if op.signature.target == "chooses" and site.expected is not None and site.expected.has_indices:
        site.refuse(
            "EQS224",
            f"`{op.name}` makes features, not numbers of words",
            f"declared {site.expected}",
            span=site.target_span or site.span,
            help="an axis of the representation holds a score for every number: `["
            + ", ".join(str(axis) for axis in site.expected.blocks[0].one_hot.axes)
            + "]`",
        )
