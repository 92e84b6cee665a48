"""The physical limit of a set of queries: `query_and_wait` side by side, as the documentation shows it.

Standard input: first a line of JSON, set name → [[sql, [[parameter, type, text], ...]], ...]; then names of sets, one a
line. Each is run and its milliseconds are written as a line.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

client = bigquery.Client(project=sys.argv[1], credentials=AnonymousCredentials())


def rows(query):
    sql, config = query
    return list(client.query_and_wait(sql, job_config=config))


def config(parameters):
    return bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter(*one) for one in parameters])


if __name__ == "__main__":
    sets = {
        name: [(sql, config(parameters)) for sql, parameters in queries]
        for name, queries in json.loads(sys.stdin.readline()).items()
    }
    with ThreadPoolExecutor(8) as threads:
        for line in sys.stdin:
            started = time.perf_counter()
            if len(wanted := sets[line.strip()]) == 1:
                rows(wanted[0])
            else:
                list(threads.map(rows, wanted))
            print((time.perf_counter() - started) * 1000, flush=True)
