"""Every module of the examples has a twin of the same outputs, and averages where its group is small."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from eqspec.graph.types import symbols_in
from eqspec.pipeline import check_file, lower_spec
from eqspec.tools.bench.average import GroupAverage, NoAverage, order_of
from eqspec.tools.bench.comparing import made_of
from eqspec.tools.bench.subjects import Subject, inputs_of, leaves, stand_ins

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 1 << 18  # numbers of the features of a spec


@pytest.mark.slow
def test_what_can_be_timed_runs() -> None:
    timed = averaged = 0
    for path in sorted(ROOT.glob("examples/*/*.eqs")):
        checked = check_file(path, path.name, ROOT)
        assert checked.ok and checked.spec is not None, path
        types = [n.type for m in checked.spec.modules for n in m.nodes]
        if symbols_in(types) or sum(type_.size for type_ in types) > LARGEST:
            continue
        lowered, refused = lower_spec(checked.spec)
        assert not refused, path
        made = made_of(lowered, path.stem)
        assert not made.untwinned
        for key, item in lowered.items():
            bases = stand_ins(item.module)
            inputs = inputs_of(item.module, 2, torch.float32, torch.device("cpu"))
            ours, twin = made.ours[key](*bases), made.twins[key](*bases)
            shapes = [y.shape for y in leaves(ours(*inputs))]
            assert [y.shape for y in leaves(twin(*inputs))] == shapes, (path, key)
            for network in (ours, twin):
                run = Subject("x", network, inputs).training()
                assert run is None or run()
            timed += 1
            try:
                if order_of(item.module) <= 64:
                    average = GroupAverage(item.module, twin, torch.float32)
                    assert [y.shape for y in leaves(average(*inputs))] == shapes, (path, key)
                    averaged += 1
            except NoAverage:
                continue
    assert timed > 20 and averaged > 10
