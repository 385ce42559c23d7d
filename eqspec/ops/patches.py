"""`patch_embedding(x, patch=p)`: the grid cut into patches, each mapped to a token.

A convolution whose windows are the patches: kernel and stride are p, so every entry is seen once, by one
window. What commutes, and the space of kernels, are those of `conv`; here p divides every size, so that a
reversal carries patches to patches. Sources: Dosovitskiy et al., *An Image is Worth 16x16 Words* (2021).
"""

from __future__ import annotations

from dataclasses import replace

from eqspec.graph.op import CallSite, Checked, Numbers, Signature
from eqspec.ops.contract import Op
from eqspec.ops.conv import check_convolution, lower
from eqspec.ops.spatial import numbers_of, spatial_of


def check(site: CallSite) -> Checked:
    """Raises `Refusal` where the patches do not tile the grid, and as a convolution does."""
    if "patch" not in site.keywords:
        site.refuse(
            "EQS207", "`patch_embedding` needs `patch=`", "the size of a patch", span=site.whole
        )
    span = site.keyword_spans["patch"]
    (arg,) = site.args
    for block in arg.type.blocks:
        spatial = spatial_of(site, block)
        patch = numbers_of(site, "patch", spatial, (1,))
        for size, p in zip(spatial.sizes, patch, strict=True):
            if size % p:
                near = [k for k in range(1, size + 1) if size % k == 0]
                near.sort(key=lambda k: (abs(k - p), k))
                sizes = " or ".join(str(n) for n in (size - size % p, size - size % p + p) if n)
                patches = " or ".join(map(str, sorted(near[:2])))
                site.refuse(
                    "EQS207",
                    f"patches of {p} do not tile {size} entries",
                    f"{size % p} would be left",
                    span=span,
                    help=f"patches of {patches} do, or a grid of {sizes}",
                )
    kept = {key: value for key, value in site.keywords.items() if key != "patch"}
    spans = {key: value for key, value in site.keyword_spans.items() if key != "patch"}
    windows = Numbers(patch)
    swept = replace(
        site,
        keywords={**kept, "kernel": windows, "stride": windows},
        keyword_spans={**spans, "kernel": span, "stride": span},
    )
    return check_convolution(swept, len(spatial.dims), transposed=False)


PATCH_EMBEDDING = Op(
    "patch_embedding",
    Signature(keywords={"patch": "numbers", "over": "axes", "bias": "boolean"}, target="chooses"),
    check,
    lower,
    "patches tile the grid, so every motion carries patches to patches, and the kernels span"
    " Hom_G(channels and patch, channels)",
)
OPS = (PATCH_EMBEDDING,)
