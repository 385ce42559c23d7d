"""HTML pages: frames with autoescape, around drawings.

In: what stands on a page. Out: one HTML text that names no other file: no script, no font, no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from eqspec.tools.pictures.colours import variables
from eqspec.tools.pictures.drawing import svg_text
from eqspec.tools.pictures.scene import Scene
from eqspec.tools.pictures.style import MONO, SANS


@lru_cache(maxsize=1)
def _environment() -> Any:
    import jinja2
    from markupsafe import Markup

    from eqspec.resources import resource_folder
    from eqspec.tools.pictures.markup import escaped

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(resource_folder("templates") / "report")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
        # every value passes the escaping of the drawings, which also shows control characters
        finalize=lambda value: value if hasattr(value, "__html__") else Markup(escaped(str(value))),
    )


def page(template: str, **values: object) -> str:
    """A page from a template of `templates/report`; an undefined name is an error."""
    text: str = (
        _environment()
        .get_template(template)
        .render(colours=_safe(variables(":root")), sans=_safe(SANS), mono=_safe(MONO), **values)
    )
    return text


def _safe(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def drawn(scenes: Sequence[Scene], *, titles: bool = True) -> Any:
    """A drawing as a value of a template: it is markup already."""
    return _safe(svg_text(scenes, titles=titles))


def graph_page(scenes: Sequence[Scene], title: str) -> str:
    """One drawing for every module, below each other."""
    drawings = [(scene.module, drawn([scene])) for scene in scenes]
    return page("graph.html.jinja", title=title, drawings=drawings)
