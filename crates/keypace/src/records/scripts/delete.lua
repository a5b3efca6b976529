-- Removes one bounded batch of records and their members of both indexes in one step.
-- KEYS: index by creation, index by expiry, seal, then the records. ARGV: their ids.
-- Gives {ok, how many records there were} or {sealed, key version}.
local by_created, by_expiry = KEYS[1], KEYS[2]
local function int(number) return string.format('%.0f', number) end

local seal = redis.call('GET', KEYS[3])
if seal then return {'sealed', tonumber(seal)} end
-- Both are read before the first write, so that one of another type stops this before anything happened.
redis.call('ZCARD', by_created)
redis.call('ZCARD', by_expiry)

redis.call('ZREM', by_created, unpack(ARGV))
redis.call('ZREM', by_expiry, unpack(ARGV))
local gone = redis.call('DEL', unpack(KEYS, 4))
-- Both indexes live as long as the last record.
local last = redis.call('ZREVRANGE', by_expiry, 0, 0, 'WITHSCORES')[2]
for _, index in ipairs({by_created, by_expiry}) do
  if last == 'inf' then
    redis.call('PERSIST', index)
  elseif last then
    redis.call('PEXPIREAT', index, int(last))
  end
end
return {'ok', gone}
