"""Layers of torch as ops of the language: their options, and how they change sizes.

In: a module of torch.nn. Out: a `Form`. What has no counterpart is refused, with the layer's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from eqspec.algebra.windows import Adaptive, Law, Spread, Window
from eqspec.tools.lift.model import SAME, LiftError

MODES = {"zeros": "zero", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
EPS, MOMENTUM = 1e-5, 0.1


@dataclass(frozen=True)
class Form:
    """An op, its options as they are written, and what it does to channels and sizes. ``positions``:
    how many dimensions of positions it works along; 0: none may be left; None: it does not matter."""

    op: str
    options: tuple[str, ...] = ()
    laws: tuple[Law, ...] = ()
    positions: int | None = None
    channels: int = 0
    groups: int = 1
    notes: tuple[str, ...] = ()


def form_of(layer: str, module: nn.Module) -> Form:
    """The op that a layer is. LiftError EQS616 if there is none."""
    check_known(layer, module)
    return _TABLE[type(module)](layer, module)


def check_known(layer: str, module: nn.Module) -> None:
    if type(module) not in _TABLE:
        raise LiftError(
            "EQS616",
            f"{layer} has no counterpart among the layers that are lifted",
            "replace it, or write this part of the spec by hand: docs/lift.md lists the layers",
        )


def _refuse(layer: str, option: str) -> LiftError:
    return LiftError("EQS616", f"{layer}: {option} has no counterpart in a spec")


def _numbers(name: str, values: Sequence[int], default: int | None = None) -> tuple[str, ...]:
    """`stride=2`, `kernel=[3, 5]`; nothing where all are the default."""
    if default is not None and all(value == default for value in values):
        return ()
    if len(set(values)) == 1:
        return (f"{name}={values[0]}",)
    return (f"{name}=[{', '.join(map(str, values))}]",)


def _decimal(value: float) -> str:
    text = f"{value:.12f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _each(value: Any, count: int) -> tuple[int, ...]:
    return (int(value),) * count if isinstance(value, int) else tuple(int(v) for v in value)


def _convolution(count: int) -> Callable[[str, Any], Form]:
    def form(layer: str, m: Any) -> Form:
        kernel, stride, dilation = m.kernel_size, m.stride, m.dilation
        options = [*_numbers("kernel", kernel), *_numbers("stride", stride, 1)]
        if m.padding == "same":
            reach = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
            ends = [(total // 2, total - total // 2) for total in reach]
            options.append("padding=same")
        else:
            padding = (0,) * count if m.padding == "valid" else m.padding
            ends = [(p, p) for p in padding]
            options += _numbers("padding", padding, 0)
        options += _numbers("dilation", dilation, 1)
        mode = MODES[m.padding_mode]
        if mode != "zero":
            options.append(f"padding_mode={mode}")
        laws = tuple(
            Window(k, s, left, right, d, mode)  # type: ignore[arg-type]  # one of the four words
            for k, s, (left, right), d in zip(kernel, stride, ends, dilation, strict=True)
        )
        if m.bias is None:
            options.append("bias=false")
        return Form(f"conv{count}d", tuple(options), laws, count, m.out_channels, m.groups)

    return form


def _transposed(count: int) -> Callable[[str, Any], Form]:
    def form(layer: str, m: Any) -> Form:
        options = [*_numbers("kernel", m.kernel_size), *_numbers("stride", m.stride, 1)]
        options += _numbers("padding", m.padding, 0)
        options += _numbers("dilation", m.dilation, 1)
        options += _numbers("output_padding", m.output_padding, 0)
        if m.bias is None:
            options.append("bias=false")
        laws = tuple(
            Spread(*law)
            for law in zip(
                m.kernel_size, m.stride, m.padding, m.dilation, m.output_padding, strict=True
            )
        )
        return Form(
            f"conv_transpose{count}d", tuple(options), laws, count, m.out_channels, m.groups
        )

    return form


def _pool(how: str, count: int) -> Callable[[str, Any], Form]:
    def form(layer: str, m: Any) -> Form:
        if getattr(m, "return_indices", False):
            raise _refuse(layer, "`return_indices`")
        if getattr(m, "divisor_override", None) is not None:
            raise _refuse(layer, "`divisor_override`")
        kernel = _each(m.kernel_size, count)
        stride = _each(m.stride, count) if m.stride else kernel  # None, () for functions
        padding, dilation = _each(m.padding, count), _each(getattr(m, "dilation", 1), count)
        options = [*_numbers("kernel", kernel)]
        if stride != kernel:
            options += _numbers("stride", stride)
        options += [*_numbers("padding", padding, 0), *_numbers("dilation", dilation, 1)]
        if m.ceil_mode:
            options.append("ceil_mode=true")
        if not getattr(m, "count_include_pad", True):
            options.append("count_include_pad=false")
        laws = tuple(
            Window(k, s, p, p, d, "zero", bool(m.ceil_mode), pool=True)
            for k, s, p, d in zip(kernel, stride, padding, dilation, strict=True)
        )
        return Form(f"{how}_pool{count}d", tuple(options), laws, count)

    return form


def _adaptive(how: str, count: int) -> Callable[[str, Any], Form]:
    def form(layer: str, m: Any) -> Form:
        if getattr(m, "return_indices", False):
            raise _refuse(layer, "`return_indices`")
        given = m.output_size
        sizes: tuple[Any, ...] = (given,) * count if isinstance(given, int | None) else tuple(given)
        if None in sizes:
            raise _refuse(layer, "an output size of None")
        options = _numbers("size", sizes)
        return Form(f"adaptive_{how}_pool{count}d", options, tuple(map(Adaptive, sizes)), count)

    return form


def _batch_norm(positions: int | None) -> Callable[[str, Any], Form]:
    def form(layer: str, m: Any) -> Form:
        if not m.track_running_stats:
            raise _refuse(layer, "`track_running_stats=False`")
        if m.momentum is None:
            raise _refuse(layer, "`momentum=None`")
        options = [f"eps={_decimal(m.eps)}"] if m.eps != EPS else []
        if m.momentum != MOMENTUM:
            options.append(f"momentum={_decimal(m.momentum)}")
        if not m.affine:
            options.append("affine=false")
        return Form("batch_norm", tuple(options), positions=positions)

    return form


def _linear(layer: str, m: Any) -> Form:
    options = () if m.bias is not None else ("bias=false",)
    return Form("linear", options, positions=0, channels=m.out_features)


def _pointwise(op: str, *options: tuple[str, float], **fixed: object) -> Callable[[str, Any], Form]:
    """``options`` are attributes with their defaults, ``fixed`` those that must have one value."""

    def form(layer: str, m: Any) -> Form:
        for name, value in fixed.items():
            if getattr(m, name) != value:
                raise _refuse(layer, f"`{name}={getattr(m, name)}`")
        written = [
            f"{name}={_decimal(getattr(m, name))}"
            for name, value in options
            if getattr(m, name) != value
        ]
        return Form(op, tuple(written))

    return form


def _dropout(layer: str, m: Any) -> Form:
    return Form("dropout", (f"p={_decimal(m.p)}",)) if m.p else Form(SAME)


def _flatten(layer: str, m: Any) -> Form:
    if (m.start_dim, m.end_dim) != (1, -1):
        raise _refuse(layer, "another range than all dimensions behind the batch")
    return Form(SAME)


def _same(layer: str, m: Any) -> Form:
    return Form(SAME)


_TABLE: dict[type, Callable[[str, Any], Form]] = {
    nn.Linear: _linear,
    nn.Flatten: _flatten,
    nn.Identity: _same,
    nn.Dropout: _dropout,
    nn.Dropout1d: _dropout,
    nn.Dropout2d: _dropout,
    nn.Dropout3d: _dropout,
    nn.BatchNorm1d: _batch_norm(None),
    nn.BatchNorm2d: _batch_norm(2),
    nn.BatchNorm3d: _batch_norm(3),
    nn.ReLU: _pointwise("relu"),
    nn.LeakyReLU: _pointwise("leaky_relu", ("negative_slope", 0.01)),
    nn.ELU: _pointwise("elu", ("alpha", 1.0)),
    nn.CELU: _pointwise("celu", ("alpha", 1.0)),
    nn.SELU: _pointwise("selu"),
    nn.ReLU6: _pointwise("relu6"),
    nn.GELU: _pointwise("gelu", approximate="none"),
    nn.SiLU: _pointwise("silu"),
    nn.Mish: _pointwise("mish"),
    nn.Tanh: _pointwise("tanh"),
    nn.Sigmoid: _pointwise("sigmoid"),
    nn.Hardswish: _pointwise("hardswish"),
    nn.Hardsigmoid: _pointwise("hardsigmoid"),
    nn.Softplus: _pointwise("softplus", beta=1, threshold=20),
}
for _count in (1, 2, 3):
    _TABLE |= {
        getattr(nn, f"Conv{_count}d"): _convolution(_count),
        getattr(nn, f"ConvTranspose{_count}d"): _transposed(_count),
        getattr(nn, f"MaxPool{_count}d"): _pool("max", _count),
        getattr(nn, f"AvgPool{_count}d"): _pool("avg", _count),
        getattr(nn, f"AdaptiveMaxPool{_count}d"): _adaptive("max", _count),
        getattr(nn, f"AdaptiveAvgPool{_count}d"): _adaptive("avg", _count),
    }
