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

__all__ = ["LAWS", "Broken", "Site", "Unproved"]
