-- Removes one bounded batch of records and their members of both indexes in one step.
-- KEYS: index by creation, index by expiry, seal, then the records. ARGV: their ids.
-- Where the namespace follows an old layout, also the tombstones, behind the records, and behind the ids `trace:` with how long
-- they stay in ms: then no rebuild brings back what has an old key.
-- Gives {ok, how many records there were} or {sealed, key version}.
if redis.replicate_commands then redis.replicate_commands() end
local by_created, by_expiry = KEYS[1], KEYS[2]
local function int(number) return string.format('%.0f', number) end

local seal = redis.call('GET', KEYS[3])
if seal then return {'sealed', tonumber(seal)} end
-- Both are read before the first write, so that one of another type stops this before anything happened.
redis.call('ZCARD', by_created)
redis.call('ZCARD', by_expiry)
local trace = string.match(ARGV[#ARGV], '^trace:(%d+)$')
local count = trace and #ARGV - 1 or #ARGV
local buried = {}
for at = 1, trace and count or 0 do
  local tombstone = KEYS[3 + count + at]
  buried[at] = {tombstone, tonumber(redis.call('GET', tombstone) or 0), redis.call('PTTL', tombstone)}
end

redis.call('ZREM', by_created, unpack(ARGV, 1, count))
redis.call('ZREM', by_expiry, unpack(ARGV, 1, count))
local gone = redis.call('DEL', unpack(KEYS, 4, 3 + count))
-- The last version that a rebuild gives is buried. Behind the removals: at maxmemory the first write is refused.
for _, one in ipairs(buried) do
  redis.call('SET', one[1], int(math.max(one[2], 999999999999)), 'PX', int(math.max(one[3], trace)))
end
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
return {'ok', gone}
