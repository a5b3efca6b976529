"""What people write with redis-py: scan_iter with a COUNT of 1000, and UNLINK in batches of 500.

Usage: redis_py.py URL PATTERN. Prints how many keys were removed, and the time from the first SCAN to the last reply.
"""

import json
import sys
import time

import redis

url, pattern = sys.argv[1:]
client = redis.Redis.from_url(url)
client.ping()
begun = time.perf_counter()
removed, batch = 0, []
for key in client.scan_iter(match=pattern, count=1000):
    batch.append(key)
    if len(batch) == 500:
        removed += client.unlink(*batch)
        batch = []
if batch:
    removed += client.unlink(*batch)
print(json.dumps({"removed": removed, "work_ms": (time.perf_counter() - begun) * 1000}))
