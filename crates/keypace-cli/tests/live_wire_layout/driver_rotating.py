# Writes as fast as it can until a file appears, and then prints what has to be there, as hex digits by owner and id.
import itertools
import sys

url, kind, key_file, scripts, stop = sys.argv[1:6]
if kind == "one":
    client = redis.Redis.from_url(url)
else:
    from redis.cluster import RedisCluster

    client = RedisCluster.from_url(url)
records = RotatingRecords(client, "session", key_file, scripts)
known = {}
for number in itertools.count():
    if pathlib.Path(stop).exists():
        break
    owner, id = f"py-{number * 7 % 40}", f"r{number * 5 % 11}"
    own = known.setdefault(owner, {})
    if number % 5 == 3:
        assert records.delete(owner, id) == (id in own), (owner, id)
        own.pop(id, None)
    elif number % 5 == 4:
        assert records.touch(owner, id, 3_600_000) == (id in own), (owner, id)
    else:
        body = f'{{"n":{number}}}'
        records.put(owner, id, body, 3_600_000 if number % 2 else 0)
        own[id] = body
    if number == 400:
        print("under way", flush=True)
print(json.dumps(known))
