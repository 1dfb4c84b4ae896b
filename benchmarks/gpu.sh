#!/usr/bin/env bash
# Run everything that needs a GPU in under eight minutes and write one JSON: the tests marked `gpu`,
# bench_dlinoss and bench_network on the device, and three minutes of pretraining of the preset
# "base". Needs Python with torch and a CUDA device; installs the other packages that are missing.
#
#     benchmarks/gpu.sh benchmarks/results/gpu.json
#
# On a machine without a GPU the script itself can be checked with small sizes:
#
#     benchmarks/gpu.sh check.json --device cpu --rounds 1 --max-length 128 --models tiny \
#         --preset tiny --seconds 3 --sets 1
set -euo pipefail
[[ $# -ge 1 ]] || { echo "usage: $0 OUTPUT.json [arguments of benchmarks/gpu.py]" >&2; exit 2; }
output=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1

needed="chemotools,hypothesis,joblib,lazy_loader,pooch,pytest,safetensors,sklearn,skorch,threadpoolctl,tqdm"
missing=$("$python" -c "
from importlib.util import find_spec
names = {'lazy_loader': 'lazy-loader', 'sklearn': 'scikit-learn'}
print(*(names.get(name, name) for name in '$needed'.split(',') if find_spec(name) is None))")
if [[ -n $missing ]]; then
    # shellcheck disable=SC2086
    "$python" -m pip install --quiet $missing
fi
exec "$python" -m benchmarks.gpu "$output" "${@:2}"
