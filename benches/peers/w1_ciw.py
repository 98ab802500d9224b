"""W1 in Ciw: M/M/1 at a utilisation of 0.9, until so many customers have been served.

usage: python w1_ciw.py [customers]
"""

import sys
import time

import ciw

customers = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000

network = ciw.create_network(
    arrival_distributions=[ciw.dists.Exponential(900.0)],
    service_distributions=[ciw.dists.Exponential(1000.0)],
    number_of_servers=[1],
)
ciw.seed(1)
started = time.process_time()
simulation = ciw.Simulation(network)
simulation.simulate_until_max_customers(customers, method="Finish")
spent = time.process_time() - started
stays = [r.waiting_time + r.service_time for r in simulation.get_all_records()]
print(f"mean {1e3 * sum(stays) / len(stays):.3f} ms (truth 10.000 ms)")
print(f"{spent:.2f} s CPU, {1e9 * spent / (2 * customers):.0f} ns per canonical event")
