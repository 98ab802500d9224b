"""W3 in SimPy: 10,000/s round robin over 16 servers of 8 workers, then a cache (80 %) or a database.

Usage: python w3_simpy.py [seconds] [timeout]   (with `timeout`: W3t, a limit of 1 s on each request)
"""
import random
import sys
import time

import simpy


def main(seconds, limited):
    random.seed(1)
    env = simpy.Environment()
    servers = [simpy.Resource(env, capacity=8) for _ in range(16)]
    database = simpy.Resource(env, capacity=64)
    latencies = []

    def request(server):
        with server.request() as turn:
            yield turn
            yield env.timeout(random.expovariate(200.0))
        if random.random() < 0.8:
            yield env.timeout(0.0005)
        else:
            with database.request() as turn:
                yield turn
                yield env.timeout(random.expovariate(125.0))

    def visitor(server):
        arrived = env.now
        if limited:
            work = env.process(request(server))
            yield work | env.timeout(1.0)
        else:
            yield from request(server)
        latencies.append(env.now - arrived)

    def source():
        turn = 0
        while True:
            yield env.timeout(random.expovariate(10_000.0))
            env.process(visitor(servers[turn]))
            turn = (turn + 1) % len(servers)

    env.process(source())
    begin = time.process_time()
    env.run(until=seconds)
    spent = time.process_time() - begin
    latencies.sort()
    n = len(latencies)
    print(f"{'W3t' if limited else 'W3'} {n} requests, mean {1e3 * sum(latencies) / n:.2f} ms, "
          f"p50 {1e3 * latencies[n // 2]:.2f} ms, p99 {1e3 * latencies[n * 99 // 100]:.2f} ms")
    print(f"{spent:.2f} s CPU, {1e9 * spent / (3 * n):.0f} ns per canonical event")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0, "timeout" in sys.argv[2:])
