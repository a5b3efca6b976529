-- Removes a record that a rebuild brought, and its members of both indexes, in one step: only as long as it is the one that
-- was looked at, since somebody may write it in the new layout meanwhile.
-- KEYS: record, index by creation, index by expiry, seal. ARGV: id, the version that was looked at.
-- Gives {ok, how many records there were}, 0 where it is another by now; or {sealed, key version}.
local record, by_created, by_expiry = KEYS[1], KEYS[2], KEYS[3]
local id = ARGV[1]
local function int(number) return string.format('%.0f', number) end

-- Every key is read before the first write, so that one of another type stops this before anything happened.
local seal = redis.call('GET', KEYS[4])
if seal then return {'sealed', tonumber(seal)} end
local head = redis.call('GETRANGE', record, 0, 63)
redis.call('ZCARD', by_created)
redis.call('ZCARD', by_expiry)
if string.match(head, '^k1 (%d+) ') ~= ARGV[2] then return {'ok', 0} end

redis.call('ZREM', by_created, id)
redis.call('ZREM', by_expiry, id)
local gone = redis.call('DEL', record)
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
