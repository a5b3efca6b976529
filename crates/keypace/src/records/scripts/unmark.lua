-- Removes the mark of a rotation that has ended.
-- KEYS: mark. ARGV: the key version that was moved to. Gives {ok, how many marks there were}; a later rotation's stays.
local mark = tonumber(redis.call('GET', KEYS[1]) or nil)
if not mark or mark > tonumber(ARGV[1]) then return {'ok', 0} end
return {'ok', redis.call('DEL', KEYS[1])}
