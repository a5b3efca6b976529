-- Drops from both indexes the members of one bounded batch whose record is gone.
-- KEYS: index by creation, index by expiry, seal, then the records. ARGV: their ids.
-- Gives {ok, how many were dropped} or {sealed, key version}.
local by_created, by_expiry = KEYS[1], KEYS[2]
local function int(number) return string.format('%.0f', number) end

local seal = redis.call('GET', KEYS[3])
if seal then return {'sealed', tonumber(seal)} end
-- Both are read before the first write, so that one of another type stops this before anything happened.
redis.call('ZCARD', by_created)
redis.call('ZCARD', by_expiry)

local gone = {}
for at, id in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[3 + at]) == 0 then gone[#gone + 1] = id end
end
if #gone == 0 then return {'ok', 0} end
local created = redis.call('ZREM', by_created, unpack(gone))
local expiring = redis.call('ZREM', by_expiry, unpack(gone))
-- Both indexes live as long as the last record.
-- A score that is no time, as only others write it, is left alone; one behind all calendars is for ever, as +inf is.
local last = tonumber(redis.call('ZREVRANGE', by_expiry, 0, 0, 'WITHSCORES')[2])
for _, index in ipairs({by_created, by_expiry}) do
  if last and last > 9e15 then
    redis.call('PERSIST', index)
  elseif last and last > 0 then
    redis.call('PEXPIREAT', index, int(last))
  end
end
return {'ok', math.max(created, expiring)}
