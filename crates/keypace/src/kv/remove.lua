-- Removes one bounded batch of keys and their members of the index in one step. Gives how many keys there were.
-- KEYS: the index, the keys. ARGV: DEL or UNLINK, the members.
-- The index goes first: where it is of another type, nothing has happened yet.
redis.call('ZREM', KEYS[1], unpack(ARGV, 2))
return redis.call(ARGV[1], unpack(KEYS, 2))
