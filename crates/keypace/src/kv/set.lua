-- Sets a key and its member in the index in one step.
-- KEYS: the index, the key. ARGV: the member, the value, the TTL in ms (0 for none), expired members to drop at most.
-- The index goes first: where it is of another type, nothing has happened yet.
local ttl = tonumber(ARGV[3])
if ttl == 0 then
  redis.call('ZADD', KEYS[1], '+inf', ARGV[1])
  redis.call('SET', KEYS[2], ARGV[2])
  return 1
end
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = string.format('%.0f', now + ttl)
redis.call('ZADD', KEYS[1], at, ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
redis.call('PEXPIREAT', KEYS[2], at)
local dead = redis.call('ZCOUNT', KEYS[1], '-inf', string.format('(%.0f', now))
if dead > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, math.min(dead, tonumber(ARGV[4])) - 1)
end
return 1
