"""Reading a network: its graph by `torch.fx`, its shapes by one run on zeros, its layers as steps.

In: a `torch.nn.Module` and the shape of one sample. Out: a `Network`. Code of the user runs here; the
modes of its modules are put back.
"""

from __future__ import annotations

import contextlib
import math
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from eqspec.tools.audit.model import shortly
from eqspec.tools.lift.layers import Form, check_known, form_of
from eqspec.tools.lift.model import ADD, INPUT, SAME, LiftError, Network, Step

_FUNCTIONS: dict[Any, Callable[..., nn.Module]] = {
    **dict.fromkeys((functional.relu, torch.relu, torch.relu_, "relu", "relu_"), nn.ReLU),
    **dict.fromkeys((functional.tanh, torch.tanh, "tanh"), nn.Tanh),
    **dict.fromkeys((functional.sigmoid, torch.sigmoid, "sigmoid"), nn.Sigmoid),
    functional.leaky_relu: nn.LeakyReLU,
    functional.elu: nn.ELU,
    functional.gelu: nn.GELU,
    functional.silu: nn.SiLU,
    functional.mish: nn.Mish,
    functional.relu6: nn.ReLU6,
    functional.hardswish: nn.Hardswish,
    functional.dropout: nn.Dropout,
    functional.dropout2d: nn.Dropout2d,
    functional.dropout3d: nn.Dropout3d,
    functional.max_pool1d: nn.MaxPool1d,
    functional.max_pool2d: nn.MaxPool2d,
    functional.max_pool3d: nn.MaxPool3d,
    functional.avg_pool1d: nn.AvgPool1d,
    functional.avg_pool2d: nn.AvgPool2d,
    functional.avg_pool3d: nn.AvgPool3d,
    functional.adaptive_avg_pool1d: nn.AdaptiveAvgPool1d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
    functional.adaptive_avg_pool3d: nn.AdaptiveAvgPool3d,
}
_NOT_OPTIONS = ("input", "inplace", "training")
_SUMS = (operator.add, operator.iadd, torch.add, "add", "add_")
_FLATTEN = (torch.flatten, "flatten")
_RESHAPE = (torch.reshape, "view", "reshape")
_SIZES = ("size", "dim", getattr)
_MEAN = (torch.mean, "mean")
_WHOLE = (operator.getitem, operator.floordiv, operator.mul)  # of sizes


def traced(model: nn.Module, shape: tuple[int, ...]) -> Network:
    """The steps of a network on one sample of this shape.

    Raises:
        LiftError: EQS615 if it cannot be traced or run, EQS616 for a layer without a counterpart.
    """
    with _evaluating(model):
        try:
            graph = fx.symbolic_trace(model)
        except Exception as error:
            raise LiftError(
                "EQS615",
                f"the model cannot be traced: {shortly(error)}",
                "torch.fx reads networks whose calls do not depend on their data",
            ) from None
        if graph.graph.eliminate_dead_code():
            graph.recompile()
        weights = [*model.parameters(), *model.buffers()]
        real = next((t for t in weights if t.is_floating_point()), torch.zeros(()))
        for node in graph.graph.nodes:
            more = node.op == "placeholder" and node.prev.op == "placeholder"
            if more and (node.users or not node.args):  # a default that nothing reads is left out
                raise LiftError("EQS616", "the model has several inputs: one is lifted")
            if node.op == "call_module":
                module = graph.get_submodule(str(node.target))
                check_known(_layer(str(node.target), module), module)
        with torch.no_grad():
            _run(graph, torch.zeros((2, *shape), dtype=real.dtype, device=real.device))
        reader = _Reader(graph, shape)
        output = reader.read()
    return Network(type(model).__name__, shape, tuple(reader.steps), output)


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _run(graph: fx.GraphModule, x: torch.Tensor) -> None:
    """Run the graph and keep the shape of every tensor in it. LiftError EQS615 for what a node raises."""
    values: dict[fx.Node, Any] = {}
    for node in graph.graph.nodes:
        args = fx.node.map_arg(node.args, values.__getitem__)
        kwargs = fx.node.map_arg(node.kwargs, values.__getitem__)
        try:
            match node.op:
                case "placeholder":
                    value = x if not values else args[0] if args else None
                case "get_attr":
                    value = operator.attrgetter(str(node.target))(graph)
                case "call_module":
                    value = graph.get_submodule(str(node.target))(*args, **kwargs)
                case "call_method":
                    value = getattr(args[0], node.target)(*args[1:], **kwargs)
                case "call_function":
                    value = node.target(*args, **kwargs)
                case _:
                    return
        except Exception as error:
            shape = ", ".join(map(str, x.shape[1:]))
            what = node.target if node.op == "call_module" else node.name
            raise LiftError(
                "EQS615",
                f"the model does not take an input of shape ({shape}): `{what}` raised"
                f" {shortly(error)}",
                "the shape is that of one sample, without the batch: channels, then positions",
            ) from None
        values[node] = value
        if isinstance(value, torch.Tensor):
            node.meta["shape"] = tuple(value.shape)


class _Reader:
    """Turns nodes into steps, in the order of the graph."""

    def __init__(self, graph: fx.GraphModule, shape: tuple[int, ...]) -> None:
        self.graph = graph
        self.modules = dict(graph.named_modules(remove_duplicate=False))
        self.rank = len(shape)
        self.steps: list[Step] = []
        self.calls: dict[str, int] = {}

    def read(self) -> str:
        for node in self.graph.graph.nodes:
            match node.op:
                case "placeholder":
                    if self.steps:
                        continue
                    name = "x" if node.target == "input" else str(node.target)
                    self.steps.append(Step(node.name, f"input `{name}`", INPUT, (), written=name))
                case "output":
                    (value,) = node.args
                    if not isinstance(value, fx.Node):
                        raise LiftError("EQS616", "the model returns no single tensor")
                    return str(value.name)
                case "call_module":
                    self._module(node)
                case _:
                    self._function(node)
        raise LiftError("EQS615", "the model returns nothing")

    def _module(self, node: fx.Node) -> None:
        path = str(node.target)
        module = self.modules[path]
        layer = _layer(path, module)
        self.calls[path] = self.calls.get(path, 0) + 1
        notes: tuple[str, ...] = ()
        if self.calls[path] == 2 and any(True for _ in module.parameters()):
            notes = (f"{layer} is called several times: the calls have weights of their own here",)
        self._add(node, layer, form_of(layer, module), notes, _name(path))

    def _function(self, node: fx.Node) -> None:
        target = node.target
        if target in _SIZES or (target in _WHOLE and _shape(node) is None):
            return  # a number; who reads it as a tensor is refused
        layer = f"`{node.name}`"
        if node.op == "get_attr":
            raise LiftError(
                "EQS616",
                f"the network reads `{target}` by itself",
                "weights that are used outside of a layer of torch.nn have no counterpart",
            )
        if target in _SUMS:
            if len(node.args) == 2 and not node.kwargs and all(map(_is_tensor, node.args)):
                first, second = (_shape(arg) for arg in node.args)
                if first == second:
                    self._append(node, layer, Form(ADD), name=_block(node))
                    return
            raise self._unknown(node, "it is no sum of two tensors of one shape")
        if target in _FLATTEN or target in _RESHAPE:
            shape = _shape(node.args[0])
            if shape is not None and _shape(node) == (shape[0], math.prod(shape[1:])):
                self._append(node, layer, Form(SAME))
                return
            raise self._unknown(node, "only the flattening of all dimensions behind the batch is")
        if target in _MEAN:
            self._mean(node, layer)
            return
        made = _FUNCTIONS.get(target)
        if made is None or not node.args or not _is_tensor(node.args[0]):
            raise self._unknown(node, "it has no counterpart among the layers that are lifted")
        options = dict(node.kwargs)
        if node.op == "call_function" and (len(node.args) > 1 or options):
            found = node.normalized_arguments(self.graph, normalize_to_only_use_kwargs=True)
            if found is None:
                raise self._unknown(node, "its arguments cannot be read")
            options = dict(found.kwargs)
        elif len(node.args) > 1:
            raise self._unknown(node, "its arguments cannot be read")
        options = {key: value for key, value in options.items() if key not in _NOT_OPTIONS}
        self._add(node, layer, form_of(layer, made(**options)), (), node.name)

    def _mean(self, node: fx.Node, layer: str) -> None:
        """A mean over all positions."""
        shape, result = _shape(node.args[0]), _shape(node)
        dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        if shape is None or result is None or len(shape) != self.rank + 1:
            raise self._unknown(node, "only a mean over all positions is")
        listed = dims if isinstance(dims, list | tuple) else [dims]
        places = {int(d) % len(shape) for d in listed if isinstance(d, int)}
        if places != set(range(2, len(shape))):
            raise self._unknown(node, "only a mean over all positions is")
        pools = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
        self._append(node, layer, form_of(layer, pools[self.rank - 2](1)))

    def _unknown(self, node: fx.Node, why: str) -> LiftError:
        what = node.target if isinstance(node.target, str) else node.target.__name__
        return LiftError("EQS616", f"`{node.name}` calls `{what}`: {why}")

    def _add(
        self, node: fx.Node, layer: str, form: Form, notes: tuple[str, ...], name: str
    ) -> None:
        """A layer, at tensors of the rank that it needs."""
        shape = _shape(node.args[0]) if node.args else None
        if shape is None or (len(node.args) != 1 and node.op == "call_module"):
            raise LiftError("EQS616", f"{layer} is not called with one tensor")
        positions = len(shape) - 2
        if form.positions is not None and form.positions != positions:
            where = f"a tensor with {positions} dimensions of positions"
            raise LiftError(
                "EQS616",
                f"{layer} is called with {where}",
                "flatten the positions first" if form.op == "linear" else None,
            )
        self._append(node, layer, form, notes, name)

    def _append(
        self,
        node: fx.Node,
        layer: str,
        form: Form,
        notes: tuple[str, ...] = (),
        name: str | None = None,
    ) -> None:
        shape = _shape(node)
        assert shape is not None
        args = tuple(
            arg.name for arg in node.args if isinstance(arg, fx.Node) and _shape(arg) is not None
        )
        self.steps.append(
            Step(
                node.name,
                layer,
                form.op,
                args,
                form.options,
                form.laws,
                form.channels,
                bool(form.channels),
                form.groups,
                len(shape) == 2,
                (*form.notes, *notes),
                name or node.name,
            )
        )


def _layer(path: str, module: nn.Module) -> str:
    return f"`{path}` ({type(module).__name__})"


def _name(path: str) -> str:
    """`features_0` of `features.0`; `layer_0` of `0`."""
    name = re.sub(r"\W", "_", path)
    return f"layer_{name}" if name[:1].isdigit() else name


def _block(node: fx.Node) -> str | None:
    """The name of the module that calls a function: a sum is what a residual block returns."""
    stack = node.meta.get("nn_module_stack")
    paths = [path for path, _ in stack.values()] if isinstance(stack, dict) else []
    return _name(paths[-1]) if paths and paths[-1] else None


def _is_tensor(value: Any) -> bool:
    return isinstance(value, fx.Node) and _shape(value) is not None


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a tensor, with the batch; None for anything else."""
    if not isinstance(value, fx.Node):
        return None
    shape: tuple[int, ...] | None = value.meta.get("shape")
    return shape
