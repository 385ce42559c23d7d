"""The model of an audit: found by its import path, made by the user's factory, called with features.

In: `package.module:factory`. Out: a `Subject`, and `Network`s that take and return arrays. Everything
here runs code of the user: what that code raises is shown shortly and is no fault of eqspec.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import inspect
import random
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from eqspec.diagnostics.snippet import visible
from eqspec.graph.model import Module

Array = NDArray[np.float64]
Features = Mapping[str, tuple[Array, ...]]


class CannotLoad(Exception):  # noqa: N818 - says what happened
    """There is no model to audit; ``code`` is that of the diagnostic."""

    def __init__(self, code: str, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help


class BadAnswer(Exception):  # noqa: N818 - says what happened
    """The model raised, or answered with something that is not as the spec says."""


@contextlib.contextmanager
def of_the_user(what: str) -> Iterator[None]:
    """Code of the user runs here: what it raises becomes a `BadAnswer`."""
    try:
        yield
    except (KeyboardInterrupt, BadAnswer):
        raise
    except BaseException as error:
        raise BadAnswer(f"{what} raised {shortly(error)}") from None


@dataclass(frozen=True)
class Subject:
    """A model of the user: what is called, and how a second one is made."""

    name: str
    call: Callable[..., Any]
    make: Callable[[], Any]

    def switch(self, *, training: bool) -> None:
        """Training or evaluation mode. Raises BadAnswer if the module refuses."""
        if self.module is not None:
            with of_the_user("the switch of its mode"):
                self.module.train(training)

    @property
    def module(self) -> nn.Module | None:
        return self.call if isinstance(self.call, nn.Module) else None

    @property
    def dtype(self) -> torch.dtype:
        tensors = [] if self.module is None else [*self.module.parameters(), *self.module.buffers()]
        found = [t.dtype for t in tensors if t.is_floating_point()]
        return found[0] if found else torch.get_default_dtype()

    def copy(self) -> Subject:
        """An independent model with the same state. `BadAnswer` if there is no way to one."""
        if self.module is None:
            return self
        try:
            return Subject(self.name, copy.deepcopy(self.module), self.make)
        except Exception as error:
            try:  # not every module can be copied; the factory makes another
                other = self.make()
                other.load_state_dict(self.module.state_dict())
            except Exception:
                raise BadAnswer(f"the model cannot be copied: {shortly(error)}") from None
            return Subject(self.name, other, self.make)


def load(target: str) -> Subject:
    """Import the factory and call it.

    Raises:
        CannotLoad: EQS610 if the import path leads nowhere, EQS611 if no model comes of it.
    """
    path, _, attribute = target.partition(":")
    if not path or not attribute:
        message = f"`{visible(target)}` is no path to a model"
        raise CannotLoad("EQS610", message, "write `package.module:factory`")
    if path.startswith(".") or "/" in path:
        message = f"`{visible(path)}` is no name of a module"
        raise CannotLoad("EQS610", message, "write `package.module:factory`, with dots")
    try:
        found: Any = importlib.import_module(path)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (path == error.name or path.startswith(f"{error.name}.")):
            message = f"there is no module `{visible(error.name)}`"
            help_ = "it is looked for in the current folder and among the installed packages"
            raise CannotLoad("EQS610", message, help_) from None
        raise CannotLoad("EQS610", f"`{path}` cannot be imported: {shortly(error)}") from None
    except BaseException as error:
        raise CannotLoad("EQS610", f"`{path}` cannot be imported: {shortly(error)}") from None
    for name in attribute.split("."):
        if not hasattr(found, name):
            from eqspec.diagnostics.suggest import did_you_mean

            near = did_you_mean(name, [known for known in dir(found) if known[:1] != "_"])
            hint = f"did you mean `{near}`?" if near else None
            raise CannotLoad("EQS610", f"`{path}` has no `{visible(name)}`", hint)
        found = getattr(found, name)
    return _made(target, found)


def _made(target: str, factory: Any) -> Subject:
    if isinstance(factory, nn.Module):
        return Subject(target, factory, lambda: copy.deepcopy(factory))
    if not callable(factory):
        message = f"`{target}` is no factory: it is {type(factory).__name__}"
        raise CannotLoad("EQS611", message, "name a function or a class without arguments")
    needed = _needed(factory)
    if needed:
        message = f"`{target}` needs arguments: {', '.join(needed)}"
        raise CannotLoad(
            "EQS611", message, "write a function without arguments that returns the model"
        )
    try:
        made = factory()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise CannotLoad("EQS611", f"`{target}` raised {shortly(error)}") from None
    if not callable(made):
        message = f"`{target}` returned {type(made).__name__}, which is no model"
        raise CannotLoad("EQS611", message, "it should return a `torch.nn.Module` or a callable")
    return Subject(target, made, factory)


def _needed(factory: Any) -> list[str]:
    """The arguments that a factory cannot do without."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in kinds]


def shortly(error: BaseException) -> str:
    """An exception of the user in one line, with the place that raised it."""
    words = visible(" ".join(str(error).split()))[:300]
    text = type(error).__name__ + (f": {words}" if words else "")
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "importlib" not in f.filename and "site-packages" not in f.filename]
    own = [f for f in own if "/eqspec/tools/" not in f.filename.replace("\\", "/")]
    if own:
        file = own[-1].filename.replace("\\", "/").rpartition("/")[2]
        text += f" ({file}:{own[-1].lineno})"
    return text


# ---- calling ---------------------------------------------------------------------------------------


@dataclass
class Network:
    """A model that is called with the features of the spec, in one dtype.

    Inputs are arrays with one leading batch axis, converted afresh for every call; answers come back in
    float64. ``hold`` resets all generators of random numbers to this seed before every call.
    """

    subject: Subject
    spec: Module
    dtype: torch.dtype
    hold: int | None = None
    grad: bool = False
    last_dtypes: set[torch.dtype] = field(default_factory=set)

    def tensors(self, features: Features) -> list[Any]:
        """The arguments of the model: a feature of several blocks is a tuple."""
        made: list[Any] = []
        for feature in self.spec.inputs:
            blocks = tuple(self._tensor(x) for x in features[feature.name])
            made.append(blocks[0] if len(blocks) == 1 else blocks)
        return made

    def _tensor(self, x: Array) -> Tensor:
        made = torch.from_numpy(np.array(x, order="C"))
        made = made.to(self.dtype) if made.is_floating_point() else made.to(torch.int64)
        return made.to(self.device)

    @property
    def device(self) -> torch.device:
        module = self.subject.module
        tensors = [] if module is None else [*module.parameters(), *module.buffers()]
        return tensors[0].device if tensors else torch.device("cpu")

    def call(self, arguments: Sequence[Any]) -> Any:
        """The answer as the model gives it. Raises BadAnswer with what the model raised."""
        if self.hold is not None:
            torch.manual_seed(self.hold)
            random.seed(self.hold)
            np.random.seed(self.hold % 2**32)
        with of_the_user("the model"), torch.set_grad_enabled(self.grad):
            return self.subject.call(*arguments)

    def __call__(self, features: Features, lead: tuple[int, ...] | None = None) -> Features:
        """The outputs by name, checked against the shapes of the spec; ``lead`` are the leading
        dimensions that are expected, by default one batch axis."""
        value = self.call(self.tensors(features))
        batch = lead if lead is not None else next(iter(features.values()))[0].shape[:1]
        return self.answers(value, tuple(batch))

    def answers(self, value: Any, batch: tuple[int, ...]) -> Features:
        self.last_dtypes = set()
        found: dict[str, tuple[Array, ...]] = {}
        for feature, answer in zip(self.spec.outputs, self._outputs(value), strict=True):
            shapes = feature.type.shapes
            blocks = self._blocks(feature.name, answer, len(shapes))
            arrays = []
            for k, (block, shape) in enumerate(zip(blocks, shapes, strict=True)):
                name = feature.name if len(shapes) == 1 else f"{feature.name}[{k}]"
                arrays.append(self._array(name, block, (*batch, *shape)))
            found[feature.name] = tuple(arrays)
        return found

    def _outputs(self, value: Any) -> list[Any]:
        names = [feature.name for feature in self.spec.outputs]
        if isinstance(value, Mapping):
            missing = [name for name in names if name not in value]
            if missing:
                keys = ", ".join(f"`{visible(str(key))}`" for key in value)
                raise BadAnswer(f"the answer has no `{missing[0]}`; it has {keys or 'nothing'}")
            return [value[name] for name in names]
        if len(names) == 1:
            if isinstance(value, tuple | list) and len(value) == 1:
                return [value[0]]
            return [value]
        if isinstance(value, tuple | list):
            if len(value) != len(names):
                raise BadAnswer(
                    f"the model returns {len(value)} values; the spec has {len(names)} outputs"
                    f" ({', '.join(names)})"
                )
            return list(value)
        raise BadAnswer(
            f"the model returns {type(value).__name__}; the spec has {len(names)} outputs"
            f" ({', '.join(names)})"
        )

    def _blocks(self, name: str, answer: Any, count: int) -> list[Any]:
        if isinstance(answer, Tensor):
            if count == 1:
                return [answer]
            raise BadAnswer(f"`{name}` is one tensor; its type has {count} blocks")
        if isinstance(answer, tuple | list) and len(answer) == count:
            return list(answer)
        raise BadAnswer(f"`{name}` is {type(answer).__name__}, not a tensor")

    def _array(self, name: str, block: Any, shape: tuple[int, ...]) -> Array:
        if not isinstance(block, Tensor):
            raise BadAnswer(f"`{name}` is {type(block).__name__}, not a tensor")
        if tuple(block.shape) != shape:
            raise BadAnswer(f"`{name}` has shape {tuple(block.shape)}; expected {shape}")
        if block.is_complex():
            raise BadAnswer(f"`{name}` is complex; representations are real")
        if block.is_floating_point():
            self.last_dtypes.add(block.dtype)
        try:
            array: Array = block.detach().to("cpu", torch.float64).numpy().copy()
        except (TypeError, NotImplementedError, RuntimeError) as error:
            raise BadAnswer(f"`{name}` cannot be read: {shortly(error)}") from None
        return array
