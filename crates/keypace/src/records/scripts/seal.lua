-- Closes the names of an owner under the former key, so that its records can be copied.
-- KEYS: seal, mark of the key version that these names are of. ARGV: the version to move to.
-- Gives {ok}, or {new} where these names are of that version themselves; nothing was sealed then.
local mark = tonumber(redis.call('GET', KEYS[2]) or 0) or 0
if mark >= tonumber(ARGV[1]) then return {'new'} end
redis.call('SET', KEYS[1], ARGV[1] .. ' moving')
return {'ok'}
