from __future__ import annotations

import platform
import subprocess
import sys
from datetime import datetime

import numpy as np

from littoral.check.environment import environment
from littoral.devices import usable_cores


def test_it_describes_this_machine() -> None:
    found = environment()
    assert found.cpu
    assert found.cores == usable_cores() >= 1
    assert found.python == platform.python_version()
    assert found.packages["numpy"] == np.__version__
    assert found.packages["ai-edge-litert"] == "2.3.0"
    assert datetime.fromisoformat(found.created).tzinfo is not None


def test_check_imports_nothing_heavy() -> None:
    program = (
        "import sys, littoral.check; littoral.check.environment(); "
        "print([m for m in ('tensorflow', 'keras', 'matplotlib', 'jinja2', 'ai_edge_quantizer') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
