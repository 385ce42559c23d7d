"""The oracle and the attack of tests/property are imported by their own names."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "property"))
