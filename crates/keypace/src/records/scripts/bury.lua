-- Removes a record that was deleted elsewhere, and leaves a tombstone, so that no older version is imported again.
-- KEYS: record, index by creation, index by expiry, seal, tombstone.
-- ARGV: id, the version of the deletion, how long the tombstone stays in ms; one that stays longer is not cut short.
-- Gives {ok, how many records there were}; {older, the version there is} where that is a newer one, which stays; or
-- {sealed, key version}.
if redis.replicate_commands then redis.replicate_commands() end
local record, by_created, by_expiry, tombstone = KEYS[1], KEYS[2], KEYS[3], KEYS[5]
local id, version = ARGV[1], tonumber(ARGV[2])
local function int(number) return string.format('%.0f', number) end

-- Every key is read before the first write, so that one of another type stops this before anything happened.
local seal = redis.call('GET', KEYS[4])
if seal then return {'sealed', tonumber(seal)} end
local head = redis.call('GETRANGE', record, 0, 63)
local was_version = tonumber(string.match(head, '^k1 (%d+) ') or 0)
local buried = tonumber(redis.call('GET', tombstone) or 0)
local left = redis.call('PTTL', tombstone)
redis.call('ZCARD', by_created)
redis.call('ZCARD', by_expiry)
if was_version > version then return {'older', was_version} end

redis.call('ZREM', by_created, id)
redis.call('ZREM', by_expiry, id)
local gone = redis.call('DEL', record)
-- Behind the removals: at maxmemory the first write is refused, and a deletion has to go through.
redis.call('SET', tombstone, int(math.max(version, buried)), 'PX', int(math.max(left, ARGV[3])))
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
