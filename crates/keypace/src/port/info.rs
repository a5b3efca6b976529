//! Reads INFO: lines of `name:value` under headings. Asks nothing.

use std::collections::HashMap;

/// The fields of an INFO reply.
#[derive(Debug, Default, Clone)]
pub(crate) struct Info(HashMap<String, String>);

impl Info {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let fields = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            fields
                .filter_map(|line| line.split_once(':'))
                .map(|(k, v)| (k.to_owned(), v.trim_end().to_owned()))
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Fields whose names begin so, without that beginning; in no order.
    pub(crate) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let fields = self.0.iter();
        fields.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, &**value)))
    }
}

#[cfg(test)]
mod tests {
    use super::Info;

    #[test]
    fn reads_fields_and_skips_the_rest() {
        let info = Info::parse(
            b"# Server\r\nredis_version:7.0.15\r\nconfig_file:\r\n\r\nurl:a:b\r\nnonsense\r\n",
        );
        assert_eq!(info.get("redis_version"), Some("7.0.15"));
        assert_eq!(info.get("config_file"), Some(""));
        assert_eq!(info.get("url"), Some("a:b"));
        assert_eq!(info.get("# Server"), None);
    }
}
