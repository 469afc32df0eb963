"""The loop that everybody writes first: for each number of workers and each iteration, fresh times for all; max and min."""

import sys
import time

import numpy as np


def run(iterations=5000, most=20, rate=2.0):
    np.random.seed(0)
    means = []
    for workers in range(1, most + 1):
        sync, asynchronous = [], []
        for _ in range(iterations):
            sync.append(np.max(np.random.exponential(1 / rate, workers)))
            asynchronous.append(np.min(np.random.exponential(1 / rate, workers)))
        means += [np.mean(sync), np.mean(asynchronous)]
    return means


if __name__ == "__main__":
    repeats = int(sys.argv[1])
    began = time.process_time()
    for _ in range(repeats):
        run()
    print((time.process_time() - began) / repeats)
