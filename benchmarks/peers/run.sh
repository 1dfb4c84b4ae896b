#!/bin/bash
# Run the methods of other packages and our own on the same splits, and write the table:
#
#     benchmarks/peers/run.sh FOLDER
#
# FOLDER, outside of the repository, gets the environment and the rows of all fits; a second call
# continues where the first one stopped. SKSPEKTRON_DATA is the folder of sugarcane_chaix.npz.
# Where pip finds no build of PyTorch without CUDA, the environment takes several GB.
set -eu

folder=$(realpath "$1")
cd "$(dirname "$0")/../.."
python=$folder/env/bin/python
export PYTHONPATH=$PWD OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

if [ ! -e "$folder/env/complete" ]; then
    python3 -m venv "$folder/env"
    pip=("$python" -m pip install -q -c benchmarks/peers/constraints.txt)
    "${pip[@]}" torch -e ".[plot,io]" pycaltransfer pynir diplslib nirs4all nirs4all-methods
    touch "$folder/env/complete"
fi

both() { for name in "$@"; do printf 'benchmarks.peers.wrappers:%s\n' "$name" "${name}_best"; done; }

own=(mean-centring ds pds nar ensemble)
maps=($(both chemotools_{ds,pds,sst} pycaltransfer_{ds,pds,sst,epo,joint_y} diplslib_gctpls \
    nirs4all_{pds,epo}))
slow=($(both pynir_pfce_{ns,ss,fs} nirs4all_ds))
unlabelled=($(both diplslib_dipls{,_heuristic}))

bench() {
    (cd "$folder" && "$python" -W ignore -m benchmarks.bench_transfer --output peers.csv "$@")
}

cane=(--data sugarcane --tasks 'sugarcane/MicroNIR2200-*' --repeats 2)
corn=(--data corn --repeats 2)
tablets=(--data tablets --repeats 2)
for set in cane corn tablets; do
    declare -n args=$set
    bench "${args[@]}" --n-transfer 5 10 --methods "${own[@]}" --method "${maps[@]}"
    bench "${args[@]}" --n-transfer 0 --methods no-transfer mean-centring di-pls \
        --method "${unlabelled[@]}"
done
# These are slow with many channels.
bench "${cane[@]}" --n-transfer 5 10 --method "${slow[@]}"

"$python" -m benchmarks.compact "$folder/peers.csv" benchmarks/results/peers.csv
"$python" -m benchmarks.tables
