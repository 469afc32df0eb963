#!/bin/sh
# Makes what the README shows again, in about an hour: sh output/regenerate.sh
set -e
cd "$(dirname "$0")/.."
cargo run --quiet -- simulate --lambda 2 --max-workers 20
cargo run --quiet -- simulate --policies sync,async,k-async:4 --workers 8 \
    --learner 'quadratic(1, 1, 0.05)' --out output/loss
cargo run --quiet -- train --policy sync --workers 4 --lr 0.1 --delay 'exp(100)' --epochs 1 --out output/train-sync
cargo run --quiet -- train --policy async --workers 4 --lr 0.1 --delay 'exp(100)' --epochs 1 --beside output/train-sync
cargo run --quiet -- validate
cargo run --quiet -- reproduce E4
cargo run --quiet -- reproduce E2
cargo run --quiet -- reproduce E3
