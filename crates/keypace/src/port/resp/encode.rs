//! Writes commands as arrays of bulk strings, which every server version reads.

/// Appends one command.
pub(crate) fn encode_command<A: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    args: impl ExactSizeIterator<Item = A>,
) {
    let mut digits = [0; 20];
    out.push(b'*');
    out.extend_from_slice(decimal(args.len() as u64, &mut digits));
    out.extend_from_slice(b"\r\n");
    for arg in args {
        let arg = arg.as_ref();
        out.push(b'$');
        out.extend_from_slice(decimal(arg.len() as u64, &mut digits));
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// A number in decimal, without an allocation.
pub(crate) fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{decimal, encode_command};

    #[test]
    fn writes_binary_safe_commands() {
        let mut out = Vec::new();
        encode_command(&mut out, [&b"SET"[..], b"a b\r\n", b""].into_iter());
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$5\r\na b\r\n\r\n$0\r\n\r\n");
    }

    #[test]
    fn writes_every_width_of_number() {
        let mut digits = [0; 20];
        for number in [0, 9, 10, 4096, u64::MAX] {
            assert_eq!(decimal(number, &mut digits), number.to_string().as_bytes());
        }
    }
}
