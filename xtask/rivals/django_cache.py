"""What people call with django-redis: delete_pattern, with its own defaults. Keys are named as they are on the server.

Usage: django_cache.py URL PATTERN. Prints how many keys were removed, and the time that the call took.
"""

import json
import sys
import time

from django.conf import settings

url, pattern = sys.argv[1:]
settings.configure(
    CACHES={
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": url,
            "KEY_FUNCTION": lambda key, prefix, version: key,
        }
    }
)

from django.core.cache import cache  # noqa: E402  (needs the settings)

cache.get("nothing")
begun = time.perf_counter()
removed = cache.delete_pattern(pattern)
print(json.dumps({"removed": removed, "work_ms": (time.perf_counter() - begun) * 1000}))
