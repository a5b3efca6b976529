-- Has a namespace follow an old layout, unless that was left behind: then what it says would undo changes since.
-- KEYS: meta. ARGV: fields and their values.
-- Gives 1, or 0 where nothing was written.
if redis.call('HGET', KEYS[1], 'state') == 'switched' then return 0 end
redis.call('HMSET', KEYS[1], unpack(ARGV))
return 1
