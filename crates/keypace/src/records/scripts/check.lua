-- All that is known of one record in one step; changes nothing.
-- KEYS: record, index by creation, index by expiry, tombstone (may be left out).
-- ARGV: id, bytes of the body to give at most (-1: all).
-- Gives {the header and so much of the body, expiry in unix ms (-1: none, -2: no record), score by creation or nil,
-- score by expiry or nil, now in unix ms, the types of the three keys as TYPE says them, the version that is buried or 0}.
local types = {}
for at = 1, 3 do types[at] = redis.call('TYPE', KEYS[at]).ok end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local value = ''
if types[1] == 'string' then
  local head = redis.call('GETRANGE', KEYS[1], 0, 63)
  local last = -1
  if ARGV[2] ~= '-1' then last = (string.find(head, '\n', 1, true) or 0) + ARGV[2] - 1 end
  -- A range that ends before its beginning would count from the end.
  if last ~= -1 or ARGV[2] == '-1' then value = redis.call('GETRANGE', KEYS[1], 0, last) end
end
local created = types[2] == 'zset' and redis.call('ZSCORE', KEYS[2], ARGV[1])
local expiring = types[3] == 'zset' and redis.call('ZSCORE', KEYS[3], ARGV[1])
-- Servers before 7.0 have no PEXPIRETIME.
local expiry = redis.pcall('PEXPIRETIME', KEYS[1])
if type(expiry) ~= 'number' then
  expiry = redis.call('PTTL', KEYS[1])
  if expiry >= 0 then
    expiry = now + expiry
    -- The two clocks are read one after the other; the score is the time that was set.
    local score = tonumber(expiring or nil)
    if score and math.abs(score - expiry) <= 2 then expiry = score end
  end
end
local buried = KEYS[4] and redis.pcall('GET', KEYS[4])
buried = type(buried) == 'string' and tonumber(buried) or 0
return {value, expiry, created, expiring, now, types[1], types[2], types[3], buried}
