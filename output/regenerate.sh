#!/bin/sh
# Makes what the README shows again: sh output/regenerate.sh
set -e
cd "$(dirname "$0")/.."
cargo run --quiet -- simulate --lambda 2 --max-workers 20
cargo run --quiet -- simulate --policies sync,async,k-async:4 --workers 8 \
    --learner 'quadratic(1, 1, 0.05)' --out output/loss
cargo run --quiet -- reproduce E4
cargo run --quiet -- reproduce E2 --quick
