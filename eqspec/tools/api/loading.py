"""`eqspec.load`: the classes of a spec, compiled in memory. Needs torch."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Mapping
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import CodeType, MappingProxyType, ModuleType
from typing import TYPE_CHECKING

from eqspec.diagnostics.model import Diagnostic
from eqspec.tools.api.calls import SpecLike, compile, proved
from eqspec.tools.api.values import CheckedSpec, module_info, unknown

if TYPE_CHECKING:
    from torch import nn

_LOCK = threading.Lock()


class LoadedSpec:
    """The compiled modules of a spec as attributes: ``loaded.TwoView(net)`` is a `torch.nn.Module`.

    ``loaded["TwoView"]`` is the same class, also where the name is one of those below. ``classes`` has
    all of them by name, ``symmetry`` the functions by which the groups act on the features of an
    interface (None: the spec has no interface), ``source`` the text of the Python module, ``checked``
    what was proved. It is a value: nothing can be assigned.
    """

    __slots__ = ("_values",)

    def __init__(
        self,
        checked: CheckedSpec,
        classes: Mapping[str, type[nn.Module]],
        symmetry: ModuleType | None,
        source: str,
    ) -> None:
        values = (checked, MappingProxyType(dict(classes)), symmetry, source)
        object.__setattr__(self, "_values", values)

    _values: tuple[CheckedSpec, Mapping[str, type[nn.Module]], ModuleType | None, str]

    @property
    def checked(self) -> CheckedSpec:
        return self._values[0]

    @property
    def classes(self) -> Mapping[str, type[nn.Module]]:
        return self._values[1]

    @property
    def symmetry(self) -> ModuleType | None:
        return self._values[2]

    @property
    def source(self) -> str:
        return self._values[3]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.checked.diagnostics

    def __getitem__(self, name: str) -> type[nn.Module]:
        try:
            return self.classes[name]
        except KeyError:
            raise KeyError(unknown("module", name, list(self.classes))) from None

    def __getattr__(self, name: str) -> type[nn.Module]:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self.classes[name]
        except KeyError:
            message = f"{self.checked.path} has {unknown('module', name, list(self.classes))}"
            raise AttributeError(message) from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a loaded spec is a value: `{name}` cannot be set")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.classes})

    def _repr_svg_(self) -> str | None:
        return self.checked._repr_svg_()

    def __repr__(self) -> str:
        return f"<eqspec {self.checked.path}: {', '.join(self.classes) or 'no modules'}>"


LoadedSpec.__module__ = "eqspec"


class _Text(InspectLoader):
    """Loads a module from its text, which tracebacks and `inspect` can show."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, fullname: str) -> str:
        return self.text

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.text, _file(fullname))


def load(
    spec: SpecLike, *, sizes: Mapping[str, int] | None = None, name: str = "spec"
) -> LoadedSpec:
    """Compile a spec and import what it compiles to, without a file.

    The same spec gives the same classes in one process, so that `isinstance` and pickles work there; in
    another process they do not exist: save a `state_dict`, or write the module with `eqspec.compile`.
    Bases with an import path are imported when a module is constructed, never here.

    Raises:
        SpecError: the spec is refused.
        ModuleNotFoundError: torch is not installed.
    """
    try:
        from torch import nn
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        message = "eqspec.load needs torch: pip install torch, or write a file with eqspec.compile"
        raise ModuleNotFoundError(message, name="torch") from None
    found = proved(spec, sizes, name)
    assert found.result.spec is not None
    modules = found.result.spec.modules
    checked = CheckedSpec(
        found.shown,
        tuple(module_info(module) for module in modules),
        found.diagnostics,
        found.result.spec,
    )
    interfaces = any(module.is_interface for module in modules)
    compiled = compile(spec, sizes=sizes, emit=None if interfaces else ("module",), name=name)
    classes: dict[str, type[nn.Module]] = {}
    symmetry, source = None, ""
    for file, text in compiled.files.items():
        kind = compiled._kinds[file]
        if kind == "tests":
            continue
        made = imported(file.removesuffix(".py"), text)
        if kind == "actions":
            symmetry = made
            continue
        source = text
        own = [
            value
            for value in vars(made).values()
            if isinstance(value, type)
            and value.__module__ == made.__name__
            and not value.__name__.startswith("_")
        ]
        classes = {value.__name__: value for value in own if issubclass(value, nn.Module)}
    return LoadedSpec(checked, classes, symmetry, source)


def imported(stem: str, text: str) -> ModuleType:
    """The module with this text: one for each text in a process."""
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    name = f"eqspec_{stem}_{digest[:16]}"
    with _LOCK:
        if name in sys.modules:
            return sys.modules[name]
        loader = _Text(text)
        made = module_from_spec(ModuleSpec(name, loader, origin=_file(name)))
        made.__file__ = _file(name)
        sys.modules[name] = made
        try:
            loader.exec_module(made)
        except BaseException:
            del sys.modules[name]
            raise
    return made


def _file(name: str) -> str:
    return f"{name}.py"  # no such file: `linecache` asks the loader then
