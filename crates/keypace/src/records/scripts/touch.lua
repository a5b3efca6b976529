-- Gives a record another time to live, and its members of both indexes with it, in one step.
-- KEYS: record, index by expiry, index by creation, seal. ARGV: id, TTL in ms (0: none).
-- Gives {ok, expiry in unix ms or -1}, {missing}, or {sealed, key version}.
if redis.replicate_commands then redis.replicate_commands() end
local record, by_expiry, by_created = KEYS[1], KEYS[2], KEYS[3]
local id = ARGV[1]
local function int(number) return string.format('%.0f', number) end

-- Every key is read before the first write, so that one of another type stops this before anything happened.
local seal = redis.call('GET', KEYS[4])
if seal then return {'sealed', tonumber(seal)} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local head = redis.call('GETRANGE', record, 0, 63)
redis.call('ZCARD', by_expiry)
redis.call('ZCARD', by_created)
if redis.call('EXISTS', record) == 0 then return {'missing'} end

local expiry = -1
if ARGV[2] ~= '0' then expiry = now + ARGV[2] end
local created = string.match(head, '^k1 %d+ (%-?%d+) %-?%d+\n')
if created then redis.call('ZADD', by_created, int(0 - created), id) end
redis.call('ZADD', by_expiry, expiry < 0 and '+inf' or int(expiry), id)
if expiry < 0 then
  redis.call('PERSIST', record)
else
  redis.call('PEXPIREAT', record, int(expiry))
end
-- Both indexes live as long as the last record.
local last = redis.call('ZREVRANGE', by_expiry, 0, 0, 'WITHSCORES')[2]
for _, index in ipairs({by_created, by_expiry}) do
  if last == 'inf' then
    redis.call('PERSIST', index)
  else
    redis.call('PEXPIREAT', index, int(last))
  end
end
return {'ok', expiry}
