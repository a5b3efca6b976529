# Does what its stdin says with the published block, and prints what each step gave.
url, _kind, key_file, scripts = ARGV
begin
  @USE@
  records = Records.new(Redis.new(url: url), "session", key_file, scripts)
rescue Refused => refused
  abort "refused: #{refused.message.split(":").first}"
end
$stdin.each_line do |line|
  step = JSON.parse(line)
  owner, id = [step["owner"]].pack("H*"), step["id"]
  begin
    case step["do"]
    when "put"
      records.put(owner, id, [step["body"]].pack("H*"), step["ttl"])
      puts "put"
    when "touch" then puts "touch #{records.touch(owner, id, step["ttl"])}"
    else puts "delete #{records.delete(owner, id)}"
    end
  rescue Refused => refused
    puts "refused #{refused.message.split.first}"
  end
end
