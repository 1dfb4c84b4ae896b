"""
Search on a Dask cluster
========================

A search consists of many independent fits. scikit-learn runs them with joblib, and joblib can run
them on a Dask cluster of any number of machines, without changes to the search. Here the cluster
is two worker processes on this machine; on several machines, the same commands are run there.

``pip install 'skspektron[dask,plot]'`` installs what is needed.

Takes about 120 seconds on two cores.
"""

# %%
# Start a cluster
# ---------------
# One scheduler, and workers on every machine. They find each other by a file in a folder that all
# of them can read; ``dask worker tcp://scheduler:8786`` works without such a file. A worker gets
# one thread, because one fit keeps one core busy: start as many workers as there are cores.

import subprocess
import sys
import tempfile
from pathlib import Path

from distributed import Client

folder = tempfile.TemporaryDirectory()
meeting_point = str(Path(folder.name) / "scheduler.json")
commands = (
    f"dask scheduler --scheduler-file {meeting_point} --port 0",
    f"dask worker --scheduler-file {meeting_point} --nworkers 2 --nthreads 1",
)
only_here = ["--host", "127.0.0.1", "--no-dashboard"]  # omit on several machines
processes = [
    subprocess.Popen(
        [sys.executable, "-m", *command.split(), *only_here], stderr=subprocess.DEVNULL
    )
    for command in commands
]

client = Client(scheduler_file=meeting_point, timeout="120s")
client.wait_for_workers(2, timeout="120s")
print(len(client.ncores()), "workers")

# %%
# Write the search as for one machine
# -----------------------------------
# Two instruments have measured the same 80 samples. How many standards does piecewise direct
# standardization need, and how wide a window?

from sklearn.model_selection import GridSearchCV

from skspektron.datasets import make_instruments
from skspektron.model_selection import (
    TransferGroupKFold,
    dask_parallel,
    fewest_within_one_se,
    stack_instruments,
)
from skspektron.transfer import NARTransfer, PDSTransfer

lab = make_instruments(80, ("old", "new"), wavelength=range(1100, 2500, 10), random_state=0)
X, y, instrument, sample_id = stack_instruments(
    {name: (spectra, lab.y[:, 0], lab.sample_id) for name, spectra in lab.X.items()}
)
metadata = {"instrument": instrument, "sample_id": sample_id}
folds = list(TransferGroupKFold(4, target="new").split(X, y, **metadata))
search = GridSearchCV(
    PDSTransfer(source="old", target="new"),
    {"n_transfer": [2, 5, 10, 20], "window_length": [5, 15]},
    scoring="neg_root_mean_squared_error",
    refit=fewest_within_one_se,
    cv=folds,
)

# %%
# Run it on the cluster
# ---------------------
# The only new line is `~skspektron.model_selection.dask_parallel`. When a worker dies or is
# removed, the other workers repeat its work, and every result appears once.

with dask_parallel(client):
    search.fit(X, y, **metadata)
print(search.best_params_)
print(f"RMSECV {-search.cv_results_['mean_test_score'][search.best_index_]:.4f}")

# %%
# The scores are those of one process, bit for bit.

import numpy as np

once = GridSearchCV(search.estimator, {"n_transfer": [5], "window_length": [15]}, cv=folds)
once.set_params(scoring=search.scoring, refit=False).fit(X, y, **metadata)
is_same = [p == {"n_transfer": 5, "window_length": 15} for p in search.cv_results_["params"]]
difference = search.cv_results_["mean_test_score"][is_same] - once.cv_results_["mean_test_score"]
print("difference:", np.abs(difference).max())

# %%
# Transfer curves on the cluster
# ------------------------------

from skspektron.model_selection import TransferCurveDisplay

methods = {"PDS": PDSTransfer, "NAR": NARTransfer}
with dask_parallel(client):
    display = TransferCurveDisplay.from_estimators(
        {name: method(source="old", target="new") for name, method in methods.items()},
        X,
        y,
        **metadata,
        n_transfer=[2, 5, 10, 20],
        cv=folds,
    )

# %%
# Lower is better. The line is the median over folds, the band the quartiles.
#
# Stop the cluster
# ----------------

client.shutdown()
for process in processes:
    process.wait(timeout=120)
folder.cleanup()

# %%
# Limitations: a cluster does not make a single fit faster, and each fit should take a good part of
# a second to be worth sending. The package must be installed on every machine, in the same version.
# :doc:`/how_to_many_machines` has the commands, also for the benchmark, for embedding archives, and
# for pretraining on several GPUs.
