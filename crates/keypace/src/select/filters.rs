//! What a caller wants of the keys beyond their names: idle time, TTL, size. Checked values; asks nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

/// Conditions that a key has to meet, all of them. Empty, every key does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Filters {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) idle_over_s: Option<u64>,
    pub(super) has_ttl: bool,
    pub(super) no_ttl: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ttl_under_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ttl_over_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size_over: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size_under: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) samples: Option<u32>,
    pub(super) trust_idle: bool,
}

impl Filters {
    /// Only keys that nobody has read or written for so long, or longer; the server knows whole seconds, and a part of
    /// one counts as a whole one. Refused under an LFU policy, and where the server's clock would lie: see
    /// [`Filters::with_trust_idle`].
    ///
    /// # Errors
    /// `InvalidOption` below a second, and above `limits::MAX_IDLE`, which the server's clock can't tell from less.
    pub fn with_idle_over(mut self, idle: Duration) -> Result<Self> {
        if idle < limits::MIN_IDLE || idle > limits::MAX_IDLE {
            return Err(invalid(format!(
                "an idle time of {idle:?} is outside {:?} to 194 days",
                limits::MIN_IDLE
            ))
            .with_hint(
                "servers keep the time of a key's last use in 24 bits of seconds, which is 194 days",
            ));
        }
        self.idle_over_s = Some(idle.as_secs() + u64::from(idle.subsec_nanos() > 0));
        Ok(self)
    }

    /// Only keys with a TTL.
    #[must_use]
    pub fn with_has_ttl(mut self) -> Self {
        self.has_ttl = true;
        self
    }

    /// Only keys without a TTL.
    #[must_use]
    pub fn with_no_ttl(mut self) -> Self {
        self.no_ttl = true;
        self
    }

    /// Only keys with a TTL of which less than this is left.
    #[must_use]
    pub fn with_ttl_under(mut self, ttl: Duration) -> Self {
        self.ttl_under_ms = Some(millis(ttl));
        self
    }

    /// Only keys with a TTL of which more than this is left. Keys without one are not over: see
    /// [`Filters::with_no_ttl`].
    #[must_use]
    pub fn with_ttl_over(mut self, ttl: Duration) -> Self {
        self.ttl_over_ms = Some(millis(ttl));
        self
    }

    /// Only keys that take more than so many bytes of the server's memory, names and administration included
    /// (`MEMORY USAGE`). On servers without it, before 4.0, so many elements, and of a string so many bytes.
    #[must_use]
    pub fn with_size_over(mut self, bytes: u64) -> Self {
        self.size_over = Some(bytes);
        self
    }

    /// Only keys that take fewer than so many; otherwise as [`Filters::with_size_over`].
    #[must_use]
    pub fn with_size_under(mut self, bytes: u64) -> Self {
        self.size_under = Some(bytes);
        self
    }

    /// How many nested values the server looks at to tell a collection's size; 1 to `limits::MAX_SIZE_SAMPLES`, what is
    /// outside becomes the nearest. Near a threshold small collections are measured whole.
    #[must_use]
    pub fn with_samples(mut self, samples: u32) -> Self {
        self.samples = Some(samples.clamp(1, limits::MAX_SIZE_SAMPLES));
        self
    }

    /// Takes idle times as the server gives them where they may lie: after a failover or a restart, where replicas serve
    /// reads that the primary does not see, while a save runs, and where the work's own reads make keys young. Never
    /// under an LFU policy, which keeps none.
    #[must_use]
    pub fn with_trust_idle(mut self, trust: bool) -> Self {
        self.trust_idle = trust;
        self
    }

    /// Whether every key passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.idle_over_s.is_none() && !self.asks_ttl() && !self.asks_size()
    }

    /// The least idle time, in whole seconds.
    #[must_use]
    pub fn idle_over(&self) -> Option<Duration> {
        self.idle_over_s.map(Duration::from_secs)
    }

    pub(super) fn asks_ttl(&self) -> bool {
        self.has_ttl || self.no_ttl || self.ttl_under_ms.is_some() || self.ttl_over_ms.is_some()
    }

    pub(super) fn asks_size(&self) -> bool {
        self.size_over.is_some() || self.size_under.is_some()
    }

    pub(super) fn samples(&self) -> u32 {
        self.samples.unwrap_or(limits::SIZE_SAMPLES)
    }

    /// Whether a key can pass at all, and whether read values are within their bounds (a checkpoint is a file).
    ///
    /// # Errors
    /// `InvalidOption` where two conditions contradict each other, and for ages beyond the server's clock.
    pub fn check(&self) -> Result<()> {
        if self.no_ttl
            && (self.has_ttl || self.ttl_under_ms.is_some() || self.ttl_over_ms.is_some())
        {
            return Err(contradiction(
                "keys without a TTL have none to compare (--no-ttl)",
                "leave --no-ttl out, or --has-ttl, --ttl-under and --ttl-over",
            ));
        }
        if let (Some(over), Some(under)) = (self.ttl_over_ms, self.ttl_under_ms)
            && over >= under
        {
            return Err(contradiction(
                "no TTL is over --ttl-over and under --ttl-under",
                "--ttl-over has to be the smaller",
            ));
        }
        if let (Some(over), Some(under)) = (self.size_over, self.size_under)
            && over >= under
        {
            return Err(contradiction(
                "no size is over --size-over and under --size-under",
                "--size-over has to be the smaller",
            ));
        }
        if let Some(idle) = self.idle_over() {
            Self::default().with_idle_over(idle)?;
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn contradiction(context: &str, hint: &'static str) -> Error {
    invalid(format!("no key can pass: {context}")).with_hint(hint)
}

fn invalid(context: impl Into<String>) -> Error {
    let operation = "set up the filters";
    Error::new(ErrorKind::InvalidOption, Retry::Never, operation, context)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Filters;
    use crate::error::ErrorKind;
    use crate::limits;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn ages_are_what_the_clock_can_hold() {
        let idle = |idle| Filters::default().with_idle_over(idle);
        for refused in [
            Duration::ZERO,
            Duration::from_millis(999),
            limits::MAX_IDLE + Duration::from_millis(1),
            195 * DAY,
            Duration::MAX,
        ] {
            let error = idle(refused).expect_err("outside");
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{refused:?}");
            assert!(error.hint().is_some_and(|hint| hint.contains("194 days")));
        }
        for (asked, seconds) in [
            (Duration::from_secs(1), 1),
            (Duration::from_millis(1001), 2),
            (194 * DAY, 194 * 86_400),
            (limits::MAX_IDLE, (1 << 24) - 1),
        ] {
            let filters = idle(asked).expect("inside");
            assert_eq!(filters.idle_over(), Some(Duration::from_secs(seconds)));
            assert!(!filters.is_empty() && filters.check().is_ok());
        }
    }

    #[test]
    fn what_no_key_can_pass_is_refused() {
        let some = Filters::default;
        let s = Duration::from_secs;
        for filters in [
            some().with_no_ttl().with_has_ttl(),
            some().with_no_ttl().with_ttl_under(s(1)),
            some().with_no_ttl().with_ttl_over(s(1)),
            some().with_ttl_over(s(5)).with_ttl_under(s(5)),
            some().with_ttl_over(s(6)).with_ttl_under(s(5)),
            some().with_size_over(5).with_size_under(5),
            some().with_size_over(6).with_size_under(5),
        ] {
            let error = filters.check().expect_err("contradicts itself");
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{filters:?}");
        }
        for filters in [
            some(),
            some().with_no_ttl(),
            some().with_has_ttl().with_ttl_under(s(5)),
            some().with_ttl_over(s(4)).with_ttl_under(s(5)),
            some().with_size_over(4).with_size_under(5),
            some().with_no_ttl().with_size_over(4),
        ] {
            assert!(filters.check().is_ok(), "{filters:?}");
        }
    }

    #[test]
    fn survive_a_checkpoint_and_take_nothing_else_from_it() {
        let filters = Filters::default()
            .with_idle_over(DAY)
            .expect("inside")
            .with_ttl_under(DAY)
            .with_size_over(7)
            .with_samples(0)
            .with_trust_idle(true);
        let text = serde_json::to_string(&filters).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Filters>(&text).expect("readable"),
            filters
        );
        assert_eq!(filters.samples(), 1);
        assert!(serde_json::from_str::<Filters>(r#"{"age":1}"#).is_err());
        let too_old: Filters =
            serde_json::from_str(r#"{"idle_over_s":99999999}"#).expect("readable");
        assert!(too_old.check().is_err());
    }
}
