"""How long a program takes on a device: a sum over its kernels by the table of the device.

In: a program, the size of its batch, whether it trains, a `DeviceTable`. Out: seconds. The same numbers
for the same table, always: nothing is measured here. Work that depends on parameters alone is done at every
step of training and once for all in evaluation, where it does not count.
"""

from __future__ import annotations

from eqspec.program.devices import DeviceTable
from eqspec.program.instructions import Program, Stage
from eqspec.program.kernels import kernels

BATCH = 256
"""The size of the batch for which lowerings are chosen unless another is given."""


def seconds(program: Program, batch: int, training: bool, table: DeviceTable) -> float:
    """Seconds of one call of `forward`; with ``training``, of a step: forward and backward."""
    return sum(times(program, batch, training, table))


def times(program: Program, batch: int, training: bool, table: DeviceTable) -> tuple[float, ...]:
    """The seconds of every instruction."""
    result: list[float] = []
    for number, run in enumerate(kernels(program, batch)):
        stage = program.stages[number]
        if stage is Stage.CONSTANT or (stage is Stage.PARAMETER and not training):
            result.append(0.0)
            continue
        spent = sum(table.forward(kernel) for kernel in run)
        if training:
            spent += sum(table.backward(kernel) for kernel in run)
        result.append(spent)
    return tuple(result)


def times_of_nodes(
    program: Program, batch: int, training: bool, table: DeviceTable
) -> dict[str, float]:
    """The seconds of every node of the layer graph that owns instructions, in order of first use."""
    result: dict[str, float] = {}
    for owner, spent in zip(program.owners, times(program, batch, training, table), strict=True):
        result[owner] = result.get(owner, 0.0) + spent
    return result
