"""The registry of diagnostic codes, and the long page of each.

A code is one line in `_TABLE` and one file `pages/EQS###.md`; a test holds the two together. Codes
are never re-used. Ranges: 1xx syntax, 2xx names and types, 3xx groups and representations, 4xx
equivariance, 5xx emission and stale files, 6xx configuration, audit and lift, 9xx lints.

Pages are read one at a time, when somebody asks; `check` on a good file reads none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eqspec.diagnostics.model import Severity

HEADINGS = (
    "What it means",
    "Why it matters",
    "Example that triggers it",
    "Example that is fine",
)


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of message: its stable code, a general title, how serious it is by default."""

    code: str
    title: str
    severity: Severity = Severity.ERROR


_WARNING, _NOTE = Severity.WARNING, Severity.NOTE

_TABLE = (
    # ---- syntax ----
    Code("EQS101", "something else was expected here"),
    Code("EQS102", "a bracket is not closed"),
    Code("EQS103", "a closing bracket closes nothing"),
    Code("EQS104", "a comma is missing"),
    Code("EQS105", "a reserved word is used as a name"),
    Code("EQS106", "a character is not part of the language"),
    Code("EQS107", "a string has no closing quote"),
    Code("EQS108", "an unknown escape in a string"),
    Code("EQS109", "the language version is missing"),
    Code("EQS110", "the language version is not supported"),
    Code("EQS111", "a statement does not begin on its own line"),
    Code("EQS112", "a statement stands in the wrong place"),
    Code("EQS113", "nested too deep"),
    Code("EQS114", "a number is too long"),
    Code("EQS115", "no statement begins with this word"),
    Code("EQS116", "a statement is not finished"),
    Code("EQS120", "the file is not UTF-8"),
    Code("EQS121", "the file is binary"),
    Code("EQS122", "the file is too large"),
    Code("EQS123", "the file cannot be read"),
    Code("EQS199", "too many syntax errors", _NOTE),
    # ---- names and types ----
    Code("EQS201", "a name is not known"),
    Code("EQS202", "a name is declared twice"),
    Code("EQS203", "a name means something else"),
    Code("EQS204", "a definition needs itself"),
    Code("EQS205", "a size is out of range"),
    Code("EQS206", "two types differ"),
    Code("EQS207", "a call does not fit the op"),
    Code("EQS208", "an op must be told its type"),
    Code("EQS209", "a file cannot be used"),
    Code("EQS210", "not built yet"),
    Code("EQS211", "a base has another signature"),
    Code("EQS212", "a feature has no such part"),
    Code("EQS213", "a call does not fit the module"),
    Code("EQS214", "an op is not known"),
    Code("EQS215", "`--set` names no parameter"),
    Code("EQS216", "a module has no output"),
    Code("EQS217", "a size of run time is computed with"),
    Code("EQS218", "a size of run time stands where a fixed one is needed"),
    Code("EQS219", "a group or representation needs a fixed size"),
    Code("EQS220", "a size of run time stands in no input"),
    Code("EQS221", "a padded size stands for two things"),
    Code("EQS222", "numbers of words are not permuted"),
    Code("EQS223", "an op takes no numbers of words"),
    Code("EQS224", "numbers of words are no result"),
    Code("EQS225", "an embedding does not fit"),
    Code("EQS226", "a list of words cannot be read"),
    # ---- groups and representations ----
    Code("EQS301", "a group is not well defined"),
    Code("EQS302", "a representation breaks a relation"),
    Code("EQS303", "the actions of two factors do not commute"),
    Code("EQS304", "a group is too large to check its images"),
    Code("EQS305", "the images of a representation are not well written"),
    Code("EQS306", "the group has no such representation"),
    Code("EQS307", "a selection is not closed"),
    Code("EQS308", "a representation has no such form"),
    Code("EQS309", "a factor stands twice in a product"),
    Code("EQS310", "images of an infinite group are none of its forms"),
    Code("EQS311", "a Lie algebra is not closed"),
    Code("EQS312", "a discrete element does not fit the Lie algebra"),
    Code("EQS313", "points stand where they cannot"),
    Code("EQS317", "a disc stands where it cannot"),
    Code("EQS320", "a semidirect product is not an action"),
    Code("EQS321", "this is no word in the generators"),
    Code("EQS322", "a group acts beside a product that is built of it"),
    Code("EQS323", "a subgroup stands where it cannot"),
    Code("EQS324", "an irreducible representation is not rational"),
    # ---- equivariance ----
    Code("EQS401", "a pointwise function is not equivariant here"),
    Code("EQS402", "the result would always be zero"),
    Code("EQS403", "an argument carries nothing", _WARNING),
    Code("EQS404", "no bias is possible"),
    Code("EQS405", "a promise does not hold"),
    Code("EQS406", "the guarantee is weaker than demanded"),
    Code("EQS407", "this pooling is not equivariant"),
    Code("EQS408", "`multi_equitune` loses something", _WARNING),
    Code("EQS409", "`fuse` needs different groups at its ends"),
    Code("EQS410", "features cannot be concatenated so"),
    Code("EQS412", "a layer is too large to count"),
    Code("EQS413", "a weight is too large"),
    Code("EQS414", "the plain mean is not the closest equivariant map", _WARNING),
    Code("EQS415", "the answer has no entropy or margin"),
    Code("EQS416", "the elements to choose from cannot differ"),
    Code("EQS418", "an average over what is no subgroup here"),
    Code("EQS419", "nothing is left to canonicalise"),
    Code("EQS420", "an average over an infinite group"),
    Code("EQS421", "a generator stretches a feature too much to be tested"),
    Code("EQS422", "an argument is fixed by what is to be canonicalised"),
    Code("EQS424", "an element, a coset or a frame cannot be chosen"),
    Code("EQS425", "an op is not equivariant on points"),
    Code("EQS426", "a frame changes under another factor"),
    Code("EQS427", "no argument gives a frame"),
    Code("EQS428", "weights would depend on a size of run time"),
    Code("EQS429", "an op has no rule for sizes of run time"),
    Code("EQS430", "a compiled layer depends on a size of run time"),
    Code("EQS431", "a group of run-time size acts on too many axes"),
    Code("EQS432", "a compiled layer has no rule for padded sizes"),
    Code("EQS433", "a factor is not canonicalised"),
    Code("EQS434", "a subgroup that is not normal cannot be forgotten"),
    Code("EQS435", "`multi_equitune` needs a direct product"),
    Code("EQS440", "there is no axis to work along"),
    Code("EQS441", "a length beside such an axis is not equivariant"),
    Code("EQS442", "there is no invariant form of this kind"),
    Code("EQS443", "the gates do not fit"),
    Code("EQS444", "the gates are not invariant"),
    Code("EQS445", "the arguments of a product do not fit"),
    Code("EQS446", "a product is too large"),
    Code("EQS447", "these dimensions cannot be contracted"),
    Code("EQS448", "a mean is taken off that is not invariant"),
    Code("EQS449", "a statistic for every index of such an axis is not equivariant"),
    Code("EQS450", "a batch norm is not equivariant here"),
    Code("EQS454", "a type has no order that `greps` knows"),
    Code("EQS455", "`greps` needs one representation"),
    Code("EQS456", "a representation of `greps` has no invariant form"),
    Code("EQS457", "nothing in `greps` leads there"),
    Code("EQS458", "no word stands for its orbit"),
    Code("EQS460", "an op on positions does not find its axes"),
    Code("EQS461", "a size does not fit a reversal"),
    Code("EQS462", "exchanged dimensions are treated differently"),
    Code("EQS463", "there is no result at this size"),
    Code("EQS464", "an op does not commute with translations"),
    Code("EQS465", "a convolution has other positions"),
    Code("EQS466", "groups do not divide the channels"),
    Code("EQS469", "channels cannot be divided so"),
    Code("EQS470", "nothing is invariant"),
    Code("EQS473", "an axis cannot be attended over"),
    Code("EQS474", "the heads of an attention do not fit"),
    Code("EQS475", "no scores are equivariant"),
    Code("EQS476", "an axis has no such position bias"),
    Code("EQS477", "an op has no rule for a disc"),
    Code("EQS478", "a feature is not made for steerable filters"),
    Code("EQS479", "a window does not resolve a frequency"),
    # ---- emission and stale files ----
    Code("EQS501", "an emitted file is stale"),
    Code("EQS502", "a file of somebody else is in the way"),
    Code("EQS503", "a file cannot be written or read"),
    Code("EQS504", "the name of the spec cannot be the name of a module"),
    Code("EQS505", "two routes to a dimension disagree"),
    Code("EQS506", "the compiled program is not equivariant"),
    Code("EQS507", "a layer is too large to build"),
    Code("EQS508", "an emitted file is orphaned"),
    Code("EQS509", "an emitted file was edited"),
    Code("EQS510", "an emitted file is missing"),
    Code("EQS511", "torch or pytest is missing"),
    Code("EQS512", "a spec is not in its canonical layout"),
    Code("EQS520", "there is no certificate to verify"),
    Code("EQS521", "a certificate is not the one that was written"),
    Code("EQS522", "a file is not the one that was certified"),
    Code("EQS523", "a claim of a certificate is false"),
    Code("EQS524", "a certificate promises more than follows"),
    Code("EQS525", "a certificate does not say what it assumes"),
    Code("EQS526", "a certificate and its spec disagree"),
    Code("EQS527", "a file is not what its spec compiles to"),
    Code("EQS528", "a certificate cannot be compared with its spec"),
    Code("EQS530", "a revision cannot be read"),
    Code("EQS531", "a promise is weaker than it was"),
    Code("EQS532", "a promise or a signature is broken"),
    Code("EQS533", "whether a promise is kept is not decided"),
    Code("EQS540", "a drawing is too large"),
    Code("EQS550", "a layer cannot be lowered as it is pinned"),
    Code("EQS551", "a device table cannot be used"),
    Code("EQS560", "a device cannot be used"),
    Code("EQS561", "a size must be set before a module is timed"),
    Code("EQS562", "a module cannot be timed"),
    Code("EQS599", "a fault of eqspec itself"),
    # ---- configuration ----
    Code("EQS601", "an unknown setting"),
    Code("EQS602", "a setting has a wrong value"),
    Code("EQS603", "`pyproject.toml` cannot be read"),
    # ---- audit ----
    Code("EQS610", "the model of an audit cannot be imported"),
    Code("EQS611", "the factory of an audit gives no model"),
    # lift
    Code("EQS615", "a network cannot be read"),
    Code("EQS616", "a layer has no counterpart in a spec"),
    Code("EQS617", "a group does not act on the input of a network"),
    # ---- other commands ----
    Code("EQS620", "watchfiles is missing"),
    # ---- limits and interruptions ----
    Code("EQS630", "a limit of time or memory was reached"),
    Code("EQS631", "writing files was interrupted"),
    # ---- lints ----
    Code("EQS901", "a `##` comment documents nothing", _WARNING),
    Code("EQS902", "declared and not used", _WARNING),
    Code("EQS903", "no group acts on an input", _WARNING),
    Code("EQS904", "an average over a large product", _WARNING),
    Code("EQS905", "nothing is proved of an output", _WARNING),
)

CODES: dict[str, Code] = {entry.code: entry for entry in _TABLE}


def page(code: str) -> str | None:
    """The long explanation of a code in Markdown, None for a code that does not exist."""
    if code not in CODES:  # also keeps a caller's text out of the file name
        return None
    file = Path(__file__).resolve().parent / "pages" / f"{code}.md"
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def url(code: str) -> str | None:
    """The address of a code's page on the web, for machine-readable output."""
    del code
    return None  # the documentation has no published address yet
