"""Simulators of the providers: deterministic HTTP servers of ours with the real paths, paging, errors and limits.

`python -m local.simulators square --port 8100 --data /tmp/square.sqlite --payments 300` runs one. Tests, benchmarks
and the local stack start them with process.py. How a provider plugs in: provider.py.
"""
