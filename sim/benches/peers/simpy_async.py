"""Asynchronous workers in SimPy: each a process that waits for a timeout, hands in, and reads the new version."""

import random
import sys
import time

import simpy


def worker(env, server, draw):
    while True:
        base = server["version"]
        yield env.timeout(draw(2.0))
        server["staleness"] += server["version"] - base
        server["version"] += 1


if __name__ == "__main__":
    workers, updates = int(sys.argv[1]), int(sys.argv[2])
    env, server, generator = simpy.Environment(), {"version": 0, "staleness": 0}, random.Random(0)
    for _ in range(workers):
        env.process(worker(env, server, generator.expovariate))
    began = time.process_time()
    while server["version"] < updates:
        env.step()
    print(time.process_time() - began)
