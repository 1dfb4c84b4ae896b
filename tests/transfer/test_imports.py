"""Classical transfer does not import torch."""

import subprocess
import sys

CODE = """
import sys
from skspektron.transfer import PDSTransfer
PDSTransfer(source="A", target="B", n_transfer=2).fit(
    [[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]] * 2, [1.0, 2.0, 3.0] * 2,
    instrument=list("AAABBB"), sample_id=[1, 2, 3] * 2,
).predict([[1.0, 2.0]])
print("torch" in sys.modules)
"""


def test_classical_transfer_does_not_import_torch():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
