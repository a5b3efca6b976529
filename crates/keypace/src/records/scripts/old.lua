-- Reads keys of an application's own layout, a bounded batch of one slot; changes nothing.
-- KEYS: the keys. ARGV: the longest value to give, in bytes.
-- Gives for each key {its type as TYPE says it, expiry in unix ms (-1: none, -2: no key), bytes of a string, the string
-- where it is not too long, else empty}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most = tonumber(ARGV[1])
local found = {}
for at, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  -- Servers before 7.0 have no PEXPIRETIME, and the sum is a little off there.
  local expiry = redis.pcall('PEXPIRETIME', key)
  if type(expiry) ~= 'number' then
    local left = redis.call('PTTL', key)
    expiry = left >= 0 and now + left or left
  end
  local bytes, value = 0, ''
  if kind == 'string' then
    bytes = redis.call('STRLEN', key)
    if bytes <= most then value = redis.call('GET', key) end
  end
  found[at] = {kind, expiry, bytes, value}
end
return found
