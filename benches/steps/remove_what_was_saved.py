#!/usr/bin/env python3
"""What the server pays to remove a string that was saved, step by step: user and system time of its process, a key.

    benches/steps/remove_what_was_saved.py /usr/bin/redis-server [KEYS]

One connection, groups of 64 strings of 1 KiB, each way on a server that was filled again. The client waits for each answer,
so its own time does not count. Ways:

    plain   UNLINK by 64: what a delete without a backup asks (beside SCAN)
    watch   WATCH, PEXPIRETIME, MGET, MULTI; UNLINK, EXEC: what a delete with a backup does
    script  one EVALSHA that is given the values, compares them with GET and PEXPIRETIME, and removes those that are the same

`read` is the first reading, which any of them needs to have a copy: MGET and PEXPIRETIME by 256.
The server is started here, on a free port of the loopback, and ended; nothing is saved.
"""
import os
import socket
import subprocess
import sys
import time

GROUP = 64
READ_GROUP = 256
ROUNDS = 3
FILL = """
math.randomseed(7)
for i = 1, tonumber(ARGV[1]) do
  local parts = {}
  for j = 1, 64 do
    parts[j] = string.format('%08x%08x', math.random(0, 2147483647), math.random(0, 2147483647))
  end
  redis.call('SET', 'session:' .. i, table.concat(parts))
end"""
COMPARE = """
local count, gone, out = #KEYS, {}, {}
for i = 1, count do
  local key = KEYS[i]
  local same = redis.call('GET', key) == ARGV[i] and redis.call('PEXPIRETIME', key) == tonumber(ARGV[count + i])
  out[i] = same and 1 or 0
  if same then gone[#gone + 1] = key end
end
if #gone > 0 then redis.call('UNLINK', unpack(gone)) end
return table.concat(out)"""


class Server:
    def __init__(self, program):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
        self.file = self.socket.makefile("rb")

    def cpu_s(self):
        """User and system time so far."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def send(self, *commands):
        out = []
        for command in commands:
            out.append(b"*%d\r\n" % len(command))
            for word in command:
                word = word if isinstance(word, bytes) else str(word).encode()
                out.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.socket.sendall(b"".join(out))

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind in b"+:":
            return rest
        size = int(rest)
        if size < 0:
            return None
        if kind == b"$":
            return self.file.read(size + 2)[:-2]
        return [self.reply() for _ in range(size)]

    def call(self, *command):
        self.send(command)
        return self.reply()

    def names(self):
        cursor, names = b"0", {}
        while True:
            # keypace:allow unbounded-scan-collect the server is this program's own, and so are its keys
            cursor, page = self.call("SCAN", cursor, "COUNT", 1000)
            names.update(dict.fromkeys(page))
            if cursor == b"0":
                return list(names)


def plain(server, names, values):
    server.call("UNLINK", *names)


def watch(server, names, values):
    times = [("PEXPIRETIME", name) for name in names]
    server.send(("WATCH", *names), *times, ("MGET", *names), ("MULTI",))
    server.reply()
    assert all(server.reply() == b"-1" for _ in names)
    assert server.reply() == values
    server.reply()
    server.send(("UNLINK", *names), ("EXEC",))
    server.reply()
    assert server.reply() == [b"%d" % len(names)]


def script(server, names, values):
    said = server.call("EVALSHA", server.script, len(names), *names, *values, *[-1] * len(names))
    assert said == b"1" * len(names), said


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    keys = int(sys.argv[2]) if len(sys.argv) > 2 else 300_000
    server = Server(sys.argv[1])
    try:
        server.script = server.call("SCRIPT", "LOAD", COMPARE)
        print("us of the server a key; each round a line")
        for _ in range(ROUNDS):
            for way in (plain, watch, script):
                server.call("EVAL", FILL, 0, keys)
                names, values = server.names(), []
                begun = server.cpu_s()
                for start in range(0, len(names), READ_GROUP):
                    group = names[start : start + READ_GROUP]
                    server.send(("MGET", *group), *[("PEXPIRETIME", name) for name in group])
                    values += server.reply()
                    for _name in group:
                        server.reply()
                read = server.cpu_s()
                for start in range(0, len(names), GROUP):
                    way(server, names[start : start + GROUP], values[start : start + GROUP])
                removed = server.cpu_s()
                assert server.call("DBSIZE") == b"0"
                us = [1e6 * seconds / keys for seconds in (read - begun, removed - read)]
                print(f"{way.__name__:7} read {us[0]:5.2f}  remove {us[1]:5.2f}", flush=True)
    finally:
        server.process.kill()
        server.process.wait()


if __name__ == "__main__":
    main()
