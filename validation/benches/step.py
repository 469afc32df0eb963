"""How long does the same step take in PyTorch, on one thread? The counterpart of step.rs, which says how to compare.

pip install torch numpy; OMP_NUM_THREADS=1 python3 validation/benches/step.py
"""

import statistics
import time

import torch
from torch import nn

torch.set_num_threads(1)


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


def lenet():
    first = [nn.Conv2d(1, 16, 5, padding=1), nn.ReLU(), nn.MaxPool2d(2, padding=1)]
    second = [nn.Conv2d(16, 64, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5), nn.MaxPool2d(5, stride=1)]
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def step(model, optimiser, images, labels):
    optimiser.zero_grad()
    nn.functional.cross_entropy(model(images), labels).backward()
    optimiser.step()


if __name__ == "__main__":
    torch.manual_seed(1)
    print(f"PyTorch {torch.__version__}, one thread; ms a step")
    for make, samples in [(mlp, 300), (lenet, 50)]:
        for batch in [32, 64, 256]:
            model = make()
            optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
            images, labels = torch.randn(batch, 1, 28, 28), torch.randint(10, (batch,))
            times = []
            for _ in range(samples + 10):
                begin = time.perf_counter()
                step(model, optimiser, images, labels)
                times.append(1e3 * (time.perf_counter() - begin))
            times = times[10:]  # the first ones warm up
            print(f"{make.__name__:6} {batch:4}   fastest {min(times):8.3f}   median {statistics.median(times):8.3f}")
