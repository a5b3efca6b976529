//! Owns a plain client for these tests: requests as words, replies as the text a person would write. It must not be used
//! where bytes matter that are no text; `raw` is there for those.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// One connection.
pub(crate) struct Client<S>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    /// Sends without waiting.
    pub(crate) async fn send(&mut self, command: &str) {
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        self.raw(&words).await;
    }

    pub(crate) async fn raw(&mut self, words: &[&[u8]]) {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        self.raw_bytes(&bytes).await;
    }

    pub(crate) async fn raw_bytes(&mut self, bytes: &[u8]) {
        self.0
            .write_all(bytes)
            .await
            .expect("the server takes requests");
    }

    /// Sends words split at blanks and gives the reply as `reply` shows it.
    pub(crate) async fn ask(&mut self, command: &str) -> String {
        self.send(command).await;
        self.reply()
            .await
            .expect("a reply, and not the end of the connection")
    }

    /// A reply: `+OK`, `-ERR ...`, `:1`, text as it is, `nil`, `[a b]`; none when the connection ended before it was whole.
    pub(crate) async fn reply(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.ok()?;
        let line = line.strip_suffix("\r\n")?;
        let (mark, rest) = line.split_at(1);
        match mark {
            "+" | "-" | ":" | "," => Some(line.to_owned()),
            "_" => Some("nil".to_owned()),
            "$" | "=" | "*" | "~" | "%" if rest.starts_with('-') => Some("nil".to_owned()),
            "$" | "=" => {
                let length: usize = rest.parse().expect("a length");
                let mut bytes = vec![0; length + 2];
                self.0.read_exact(&mut bytes).await.ok()?;
                bytes.truncate(length);
                Some(String::from_utf8(bytes).expect("these tests read text only"))
            }
            "*" | "~" | "%" => {
                let length: usize = rest.parse().expect("a length");
                let mut items = Vec::new();
                for _ in 0..if mark == "%" { length * 2 } else { length } {
                    items.push(Box::pin(self.reply()).await?);
                }
                Some(format!("[{}]", items.join(" ")))
            }
            other => panic!("{other:?} begins no reply"),
        }
    }

    /// One page of SCAN: its cursor and its keys.
    pub(crate) async fn page(&mut self, command: &str) -> (String, Vec<String>) {
        let reply = self.ask(command).await;
        let inner = reply
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix("]]"))
            .expect(&reply);
        let (cursor, keys) = inner.split_once(" [").expect("a cursor and an array");
        (
            cursor.to_owned(),
            keys.split_whitespace().map(str::to_owned).collect(),
        )
    }

    /// A whole walk from cursor 0: its keys as they came, and how many calls it took.
    pub(crate) async fn walk(&mut self, options: &str) -> (Vec<String>, usize) {
        let (mut cursor, mut keys, mut calls) = ("0".to_owned(), Vec::new(), 0);
        loop {
            let (next, page) = self
                .page(format!("SCAN {cursor} {options}").trim_end())
                .await;
            keys.extend(page);
            calls += 1;
            if next == "0" {
                return (keys, calls);
            }
            cursor = next;
        }
    }

    /// Everything up to the end of the connection; a reset is an end as well.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _reset = self.0.read_to_end(&mut bytes).await;
        bytes
    }

    /// Exactly so many bytes.
    pub(crate) async fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await.expect("so many bytes");
        bytes
    }
}
