"""What people write with redis-py on a cluster: scan_iter over all primaries with a COUNT of 1000, counting the keys.

Usage: cluster_redis_py.py URL. Prints how many keys came, and the time from the first SCAN to the last reply.
"""

import json
import sys
import time

import redis

client = redis.RedisCluster.from_url(sys.argv[1])
client.ping()
begun = time.perf_counter()
counted = sum(1 for _ in client.scan_iter(count=1000))
print(json.dumps({"counted": counted, "work_ms": (time.perf_counter() - begun) * 1000}))
