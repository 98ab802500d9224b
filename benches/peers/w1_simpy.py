"""W1 in SimPy: M/M/1 at a utilisation of 0.9; latencies of all customers, mean, p50, p99.

Usage: python w1_simpy.py [customers]
"""
import random
import sys
import time

import simpy


def main(customers):
    random.seed(1)
    env = simpy.Environment()
    server = simpy.Resource(env, capacity=1)
    latencies = []

    def customer():
        arrived = env.now
        with server.request() as turn:
            yield turn
            yield env.timeout(random.expovariate(1000.0))
        latencies.append(env.now - arrived)

    def source():
        for _ in range(customers):
            yield env.timeout(random.expovariate(900.0))
            env.process(customer())

    env.process(source())
    begin = time.process_time()
    env.run()
    spent = time.process_time() - begin
    latencies.sort()
    n = len(latencies)
    print(f"W1 {n} customers, mean {1e3 * sum(latencies) / n:.2f} ms, "
          f"p50 {1e3 * latencies[n // 2]:.2f} ms, p99 {1e3 * latencies[n * 99 // 100]:.2f} ms")
    print(f"{spent:.2f} s CPU, {1e9 * spent / (2 * n):.0f} ns per canonical event")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
