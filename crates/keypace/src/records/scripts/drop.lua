-- Drops one bounded batch of what was copied, under names that are sealed.
-- KEYS: seal, index by creation, index by expiry, then the keys to delete. ARGV: the seal's value, then members to drop.
-- Gives {ok, how many keys and members there were}, or {lost} where somebody else has changed the seal; nothing was dropped then.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lost'} end
local dropped = 0
if #ARGV > 1 then
  dropped = redis.call('ZREM', KEYS[2], unpack(ARGV, 2))
  dropped = dropped + redis.call('ZREM', KEYS[3], unpack(ARGV, 2))
end
if #KEYS > 3 then dropped = dropped + redis.call('DEL', unpack(KEYS, 4)) end
return {'ok', dropped}
