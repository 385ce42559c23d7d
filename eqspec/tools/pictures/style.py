"""The style sheet of a drawing. No text of a spec ever comes here."""

from __future__ import annotations

from eqspec.tools.pictures.colours import LIGHT

SANS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"

_RULES = f"""
.eqg{{font:12px {SANS};color:var(--eq-ink)}}
.eqg text{{fill:var(--eq-ink)}}
.eqg path{{fill:none}}
.eqg-paper{{fill:var(--eq-paper)}}
.eqg-card,.eqg-back{{fill:var(--eq-card);stroke:var(--eq-line);stroke-width:1.2}}
.eqg-output{{stroke:var(--eq-ink);stroke-width:1.8}}
.eqg-model{{stroke-dasharray:6 5}}
.eqg-f:hover .eqg-card{{stroke:var(--eq-ink)}}
.eqg .eqg-n{{font:600 14px {MONO}}}
.eqg .eqg-y,.eqg .eqg-g{{font:12px {MONO}}}
.eqg .eqg-g{{font-weight:600}}
.eqg .eqg-t{{font:600 10px {SANS};letter-spacing:.08em;fill:var(--eq-soft);text-anchor:end}}
.eqg .eqg-o{{fill:var(--eq-soft)}}
.eqg .eqg-q{{font-size:11px;fill:var(--eq-soft)}}
.eqg .eqg-l{{font-weight:600}}
.eqg .eqg-w{{fill:var(--eq-amber);font-weight:600}}
.eqg .eqg-h{{font:650 19px {SANS}}}
.eqg .eqg-d{{font:11px {MONO}}}
.eqg path.eqg-w{{fill:none;stroke:var(--eq-wire);stroke-width:1.3}}
.eqg path.eqg-l{{stroke-width:3.2}}
.eqg .eqg-hit{{stroke:transparent;stroke-width:14}}
.eqg-s{{stroke-width:4;stroke-linecap:round}}
.eqg-u{{stroke-width:2}}
.eqg .eqg-a{{fill:var(--eq-wire)}}
.eqg-e:hover .eqg-w{{stroke:var(--eq-ink);stroke-width:2}}
.eqg-p{{fill:var(--eq-card);stroke:var(--eq-line);stroke-width:1.1}}
.eqg-fusion{{stroke:var(--eq-ink);stroke-width:1.4}}
.eqg .eqg-k{{fill:var(--eq-soft)}}
"""

STYLE = "".join(line for line in _RULES.splitlines()) + "".join(
    f".eqg .eqg-c{k}{{stroke:var(--eq-f{k})}}.eqg .eqg-k{k}{{fill:var(--eq-f{k})}}"
    for k in range(len(LIGHT))
)
