"""Templates: frames of emitted files, found beside the package."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from eqspec.resources import resource_folder


@lru_cache(maxsize=1)
def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(resource_folder("templates"))),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(template: str, **values: object) -> str:
    """The text of a template; an undefined name is an error."""
    text: str = _environment().get_template(template).render(**values)
    return text
