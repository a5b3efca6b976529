-- Says what is kept of a namespace, and begins it where nothing is.
-- KEYS: meta. ARGV: fingerprint of the owner key, its version, the state to begin with (empty: begin nothing).
-- Gives the fields of meta and their values; nothing where there is none and none was begun.
if ARGV[3] ~= '' and redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HMSET', KEYS[1], 'layout', '1', 'key_version', ARGV[2], 'fingerprint', ARGV[1], 'state', ARGV[3])
end
return redis.call('HGETALL', KEYS[1])
