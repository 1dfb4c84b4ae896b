"""
Search on a Dask cluster
========================

A search is many fits that know nothing of each other. scikit-learn hands them to joblib, joblib
hands them to Dask, and Dask to as many machines as there are: the search is written as for one.
Here the cluster is two worker processes on this machine; on real machines the commands are the
same, and are run there.

``pip install 'skspektron[dask,plot]'`` installs what is needed.

Takes about 120 seconds on two cores.
"""

# %%
# Start a cluster
# ---------------
# One scheduler, and a worker on every machine. They find each other by a file in a folder that
# all of them see; ``dask worker tcp://scheduler:8786`` does without one. A worker gets one thread,
# since one fit keeps one core busy: ask for as many workers as there are cores.

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
only_here = ["--host", "127.0.0.1", "--no-dashboard"]  # on several machines: left out
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
# The one line that is new is `~skspektron.model_selection.dask_parallel`. Nothing is lost with a
# worker that dies or is taken away: what it had and what it was at is done again by the others, and
# every result is there once.

with dask_parallel(client):
    search.fit(X, y, **metadata)
print(search.best_params_)
print(f"RMSECV {-search.cv_results_['mean_test_score'][search.best_index_]:.4f}")

# %%
# The numbers are those of one process, to the last bit.

import numpy as np

once = GridSearchCV(search.estimator, {"n_transfer": [5], "window_length": [15]}, cv=folds)
once.set_params(scoring=search.scoring, refit=False).fit(X, y, **metadata)
is_same = [p == {"n_transfer": 5, "window_length": 15} for p in search.cv_results_["params"]]
difference = search.cv_results_["mean_test_score"][is_same] - once.cv_results_["mean_test_score"]
print("difference:", np.abs(difference).max())

# %%
# Transfer curves go the same way
# -------------------------------

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
# Lower is better; the line is the median over folds, the band its quartiles.
#
# Stop the cluster
# ----------------

client.shutdown()
for process in processes:
    process.wait(timeout=120)
folder.cleanup()

# %%
# What it cannot do: a cluster does not make one fit faster, and each fit should take a good part
# of a second to be worth the way. The package has to be installed on every machine, in the same
# version. :doc:`/how_to_many_machines` has the commands, also for the benchmark, for embedding
# archives, and for pretraining on several GPUs.
