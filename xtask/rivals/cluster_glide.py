"""What people write with valkey-glide on a cluster: its cluster scan with a COUNT of 1000, counting the keys.

Usage: cluster_glide.py URL. Prints how many keys came, and the time from the first scan to the last reply.
"""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

from glide import ClusterScanCursor, GlideClusterClient, GlideClusterClientConfiguration, NodeAddress


async def main():
    url = urlsplit(sys.argv[1])
    # Its own limit for one request is 250 ms, which a busy machine can pass.
    configuration = GlideClusterClientConfiguration([NodeAddress(url.hostname, url.port)], request_timeout=15000)
    client = await GlideClusterClient.create(configuration)
    await client.ping()
    begun = time.perf_counter()
    counted, cursor = 0, ClusterScanCursor()
    while not cursor.is_finished():
        cursor, keys = await client.scan(cursor, count=1000)
        counted += len(keys)
    print(json.dumps({"counted": counted, "work_ms": (time.perf_counter() - begun) * 1000}))
    await client.close()


asyncio.run(main())
