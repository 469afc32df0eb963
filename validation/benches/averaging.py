"""What does experiment E2, averaged after each pass of each rank over its share, come to in PyTorch? Ours: `straggle reproduce E2`.

pip install torch; python3 validation/benches/averaging.py --seed 0 (half an hour on a core for five ranks and 15 epochs)
"""

import argparse
import gzip
from pathlib import Path

import torch
from torch import nn

from step import lenet

parser = argparse.ArgumentParser()
parser.add_argument("--ranks", type=int, default=5)
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--initial", choices=["per-worker", "shared"], default="per-worker")
typed = parser.parse_args()

DATA = Path(__file__).parent.parent / "data" / "mnist"
BATCH = 50


def unpacked(name, header):
    return torch.frombuffer(bytearray(gzip.decompress((DATA / name).read_bytes())[header:]), dtype=torch.uint8)


def split(part):
    images = unpacked(f"{part}-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28).float() / 255
    return images, unpacked(f"{part}-labels-idx1-ubyte.gz", 8).long()


def passes_over(model, images, labels, share):
    """The mean loss of one pass in random order, plain SGD."""
    model.train()
    optimiser, losses = torch.optim.SGD(model.parameters(), lr=0.01), []
    for batch in share[torch.randperm(len(share))].split(BATCH):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum().item() for x, y in zip(images.split(1000), labels.split(1000))) / len(labels)


torch.manual_seed(typed.seed)
(images, labels), test = split("train"), split("t10k")
models = [lenet() for _ in range(typed.ranks)]
if typed.initial == "shared":
    [model.load_state_dict(models[0].state_dict()) for model in models[1:]]
shares = torch.randperm(len(labels)).chunk(typed.ranks)
for epoch in range(1, typed.epochs + 1):
    losses = [passes_over(model, images, labels, share) for model, share in zip(models, shares)]
    states = [model.state_dict() for model in models]
    average = {name: sum(state[name] for state in states) / typed.ranks for name in states[0]}
    [model.load_state_dict(average) for model in models]
    print(f"epoch {epoch:2}   training loss {sum(losses) / typed.ranks:.4f}   test accuracy {100 * accuracy(models[0], *test):.2f} %", flush=True)
