"""Names that mean something in Python, in torch or in the emitted file, in every place a name can stand.

The emitted module is executed, called and moved by the group; it must import and stay equivariant.
"""

from __future__ import annotations

import re
import sys
import types

import pytest
import torch
from torch import Tensor, nn

from eqspec.diagnostics.model import Severity, Source
from eqspec.emit.module import module_text
from eqspec.pipeline import check_source, compile_spec

KEYWORDS = (
    "None True False class def return import from as pass lambda if else for while with yield async"
    " await global nonlocal try except finally raise in is not or and del assert break continue"
    " match case"
).split()
BUILTINS = "print super int float list tuple zip range len max map all isinstance sum dict".split()
TORCH = "self forward torch F nn Tensor Module train eval to half cpu type_ training T_destination".split()
DUNDERS = "__init__ __class__ __dict__ __slots__ __x __x__ __getstate__ __name__".split()
PRIVATE = (
    "_ _x _1 _weights _expand _kept _modules _parameters _buffers _orbit_mean _table _numbers _repeat"
    " _apply _call_impl _version _load_from_state_dict _fields _asdict _replace _make _move _back"
    " _note_batch_statistics _ExpandedWeights _orbit_answers _wide _Calls"
).split()
OURS = (
    "weights x xs y ys g base_ move back order rank lead rows elements start answer answers step size"
    " totals moved inputs index count math operator warnings copy pickle Any NamedTuple Self Sequence"
    " Callable Iterator annotations batch calls call_bytes checkpoint reset_parameters extra_repr"
    " part pooled mapped h_sum state_dict load_state_dict register_buffer named_parameters add_module children"
).split()
NAMES = list(dict.fromkeys([*KEYWORDS, *BUILTINS, *TORCH, *DUNDERS, *PRIVATE, *OURS]))

GROUP = "group Mirror = cyclic(2)\n"
PLACES = {
    "input": """
module M {
  input NAME: [3, Mirror.regular]
  hidden: [2, Mirror.regular] = relu(linear(NAME))
  output one: [Mirror.regular] = linear(hidden, NAME)
  output two = pool(hidden, over=Mirror)
}
""",
    "base": """
module M {
  input image: [3, Mirror.regular]
  base NAME: [3, 2] -> [2]
  output one: [Mirror.regular] = equitune(NAME, image)
}
module Outer {
  input image: [3, Mirror.regular]
  base NAME: [3, 2] -> [2]
  output one = M(image, NAME=NAME)
}
""",
    "layer": """
module M {
  input image: [3, Mirror.regular]
  NAME: [2, Mirror.regular] = linear(image)
  output one: [3, Mirror.sign] = linear(NAME)
  output two = tanh(NAME)
}
""",
    "output": """
module M {
  input image: [3, Mirror.regular]
  output NAME: [2, Mirror.regular] = linear(image)
  output other: [2, Mirror.sign] = linear(image)
}
""",
    "module": """
module NAME {
  input image: [3, Mirror.regular]
  base net_: [3, 2] -> [2, 3]
  output one: [2, Mirror.regular] = relu(linear(image))
  output two: [Mirror.regular, 3] = equitune(net_, image)
}
module Outermost {
  input image: [3, Mirror.regular]
  base net: [3, 2] -> [2, 3]
  inner = NAME(image, net_=net)
  output one = inner.one
  output two = inner.two
}
""",
    "field": """
module M {
  input state: flat { NAME: [Mirror.regular], other: [Mirror.sign] }
  output one: [2, Mirror.regular] = linear(state.NAME, state.other)
}
""",
}


class Net(nn.Module):
    """A base that is not equivariant."""

    def __init__(self, takes: tuple[int, ...], returns: tuple[int, ...]) -> None:
        super().__init__()
        self.takes, self.returns = takes, returns
        generator = torch.Generator().manual_seed(5)
        rows = int(torch.tensor(returns).prod())
        columns = int(torch.tensor(takes).prod())
        self.matrix = nn.Parameter(torch.randn(rows, columns, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[1:] == self.takes
        return torch.tanh(x.flatten(1) @ self.matrix.T).reshape(-1, *self.returns)


@pytest.mark.parametrize(
    ("name", "place"),
    [(n, p) for n in NAMES for p in PLACES if (n, p) != ("call_bytes", "module")],
)
def test_a_name_in_a_place(name: str, place: str) -> None:
    text = "eqspec 1\n" + GROUP + re.sub(r"\bNAME\b", name, PLACES[place])
    checked = check_source(Source("spec.eqs", text))
    told = {d.code for d in checked.diagnostics if d.severity is Severity.ERROR}
    if told:  # an op of that name: the call means the op
        assert told in ({"EQS210"}, {"EQS208"}, {"EQS207"}, {"EQS203"}), checked.diagnostics
        assert place == "module"
        return
    result = compile_spec(checked, "spec", "spec.eqs")
    assert [d for d in result.diagnostics if d.severity is Severity.ERROR] == []
    emitted = types.ModuleType("spec")
    exec(compile(result.files[0].text, "spec.py", "exec"), emitted.__dict__)
    compile(result.files[1].text, "test_spec.py", "exec")
    _, names = module_text(result.lowered, "spec")
    assert checked.spec is not None
    for module in checked.spec.modules:
        bases = [
            Net(base.signature[0].blocks[0].shape, base.target.blocks[0].shape)
            for base in module.bases
        ]
        network = getattr(emitted, names.classes[module.key])(*bases).double().eval()
        (feature,) = module.inputs
        x = torch.randn(4, *feature.type.blocks[0].shape, dtype=torch.float64)
        flip = x.flip(-1)
        if place == "field":  # two entries that change places, one that changes its sign
            flip = torch.stack([x[:, 1], x[:, 0], -x[:, 2]], dim=1)
        with torch.no_grad():
            before, after = network(x), network(flip)
        single = len(module.outputs) == 1
        for k, output in enumerate(module.outputs):
            y, found = (before, after) if single else (before[k], after[k])
            (block,) = output.type.blocks
            for at, axis in enumerate(block.axes):
                if str(axis) == "Mirror.regular":
                    y = y.flip(at + 1)
                elif str(axis) == "Mirror.sign":
                    y = -y
            assert torch.allclose(found, y, atol=1e-12), output.name


STRINGS = {
    "triple quotes": r"\"\"\"",
    "a backslash": r"\\",
    "a backslash at the end": r"a\\",
    "a line break": r"\n",
    "a line separator": "\u2028",
    "an escaped line separator": r"\u2028",
    "a null": "\x00",
    "a carriage return": "\r",
    "right to left": "\u202e",
    "a byte order mark": "\ufeff",
    "a template": "{{ x }}{% raw %}",
    "a percent sign": "%s {} {0}",
    "a comment": "# noqa",
    "an escape of Python": r"\\N{DEAD}",
    "an emoji": "\U0001f600",
    "nothing": "",
    "a minus": "-a",
}


@pytest.mark.parametrize("name", STRINGS)
def test_strings_and_documentation_stay_where_they_are(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = STRINGS[name]
    text = f"""eqspec 1
group Mirror = cyclic(2)
rep Mirror.odd = signed_permutation(["{odd}", b]) {{ r -> ("{odd}" b) }}
## A module. {odd} {'"' * 3} \\
module M {{
  ## An input. {odd} \\
  input x: [3, Mirror.odd]
  ## A layer. {'"' * 3}{odd}
  output y: [2, Mirror.odd] = linear(x)    # {odd} {'"' * 3} \\
}}
## An interface. {odd} {'"' * 3}
interface I {{
  ## A field. {'"' * 4}{odd}
  input x: flat {{ a: [Mirror.odd] }}
  output y: [Mirror.odd[b, "{odd}"]]
}}
"""
    checked = check_source(Source("spec.eqs", text))
    result = compile_spec(checked, "spec", f"{odd}/spec.eqs")
    if not checked.ok:
        assert name in ("a carriage return", "a null")
        return
    assert {file.kind for file in result.files} == {"module", "tests", "actions"}
    for file in result.files:
        tree = compile(file.text, file.name, "exec")
        if file.kind != "tests":
            emitted = types.ModuleType("emitted")
            monkeypatch.setitem(sys.modules, "emitted", emitted)
            exec(tree, emitted.__dict__)


@pytest.mark.parametrize(
    "factory",
    ["", ":", ":f", "a:", "a.:f", "a..b:f", "a b:f", "a:f()", "a:b:c", "a-b:f", "-a:f", "a/b:f"],
)
def test_factories_that_are_no_import_path(factory: str) -> None:
    text = (
        f'eqspec 1\nmodule M {{\n  input x: [3]\n  base n: [3] -> [2] = "{factory}"\n'
        "  output y: [2] = equitune(n, x)\n}\n"
    )
    found = check_source(Source("spec.eqs", text)).diagnostics
    assert "EQS211" in [d.code for d in found]
