#!/bin/sh
# torch 2.13.0 and 2.14.1: torchrun keeps one store of keys and values for all its restarts (--max-restarts), and the
# workers of a restart find in it what the dead ones wrote: a key of their own, and the addresses of Gloo. A worker that
# calls init_process_group before its partner has come takes the dead partner's address and ends within seconds with
# "Gloo connectFullMesh failed"; it should wait for the partner. So a restart goes on or ends by which worker is first.
# The source of torch says "We create a new TCPStore for every retry so no need to add prefix for each attempt". With
# TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in torchrun's environment that is so, and the worker waits. The count of restarts
# is no way out: of two machines only that whose worker failed counts up. TORCH= chooses a version. Exits 0 while so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "torch==${TORCH:-2.13.0}" numpy==2.4.6
cat > "$folder/worker.py" << 'PYTHON'
import os
from datetime import timedelta
from pathlib import Path

from torch import distributed

rank, is_first_start = int(os.environ["RANK"]), os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
store, _, _ = next(distributed.rendezvous("env://", timeout=timedelta(minutes=5)))
if is_first_start:  # both meet, and one of them fails
    distributed.init_process_group("gloo")
    store.set(f"written by {rank}", "before the restart")
    distributed.barrier()
    os._exit(rank)
if rank == 1:  # it comes late: its partner is to wait for it
    store.get("the partner waits no more")
    os._exit(0)
seen = "a key of the first start" if store.check(["written by 1"]) else "nothing of the first start"
try:
    distributed.init_process_group("gloo", timeout=timedelta(seconds=15))
except distributed.DistStoreError:
    ended = "waited for its partner"
except RuntimeError as error:
    ended = str(error).partition(" with ")[0]
Path(os.environ["SEEN"]).write_text(f"{seen}; {ended}")
store.set("the partner waits no more", "")
PYTHON
"$folder/venv/bin/python" -c 'import torch; print("torch", torch.__version__)'
as_seen=0
for disabled in 0 1; do
    TORCH_DISABLE_SHARE_RDZV_TCP_STORE=$disabled OMP_NUM_THREADS=1 SEEN="$folder/seen-$disabled" \
        "$folder/venv/bin/python" -m torch.distributed.run --standalone --nproc_per_node 2 --max-restarts 1 \
        "$folder/worker.py" > "$folder/said" 2>&1 || { cat "$folder/said"; exit 1; }
    echo "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=$disabled: $(cat "$folder/seen-$disabled")"
done
[ "$(cat "$folder/seen-0")" = "a key of the first start; Gloo connectFullMesh failed" ] || as_seen=1
[ "$(cat "$folder/seen-1")" = "nothing of the first start; waited for its partner" ] || as_seen=1
exit $as_seen
