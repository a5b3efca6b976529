# Does what its stdin says with the published block, and prints what each step gave.
import sys

url, kind, key_file, scripts = sys.argv[1:5]
if kind == "one":
    client = redis.Redis.from_url(url)
else:
    from redis.cluster import RedisCluster

    client = RedisCluster.from_url(url)
try:
    if kind == "one":
        @USE@
    records = Records(client, "session", key_file, scripts)
except Refused as refused:
    sys.exit(f"refused: {refused.args[0]}")
for line in sys.stdin:
    step = json.loads(line)
    owner, id = bytes.fromhex(step["owner"]), step["id"]
    try:
        if step["do"] == "put":
            records.put(owner, id, bytes.fromhex(step["body"]), step["ttl"])
            print("put")
        elif step["do"] == "touch":
            print(f"touch {records.touch(owner, id, step['ttl'])}".lower())
        else:
            print(f"delete {records.delete(owner, id)}".lower())
    except Refused as refused:
        print(f"refused {refused.args[0]}")
