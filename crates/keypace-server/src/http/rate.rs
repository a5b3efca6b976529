//! How many requests each key and each address may send: governor's buckets, in bounded number. Knows no route.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::error::Problem;
use crate::limits;

/// The buckets of all keys and all addresses.
pub struct Rates {
    keys: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

impl Rates {
    /// So many requests a second for each key, so many at once; an address has a multiple of both.
    pub(crate) fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        let share = NonZeroU32::new(limits::ADDRESS_SHARE).unwrap_or(NonZeroU32::MIN);
        let address = Quota::per_second(per_second.saturating_mul(share))
            .allow_burst(burst.saturating_mul(share));
        Self {
            keys: RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst)),
            addresses: RateLimiter::keyed(address),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request of a key.
    pub(crate) fn key(&self, id: &str) -> Result<(), Problem> {
        self.count(&self.keys, &id.to_owned())
    }

    /// Counts a request from an address. Of IPv6 it is the network that a customer gets.
    pub(crate) fn address(&self, address: IpAddr) -> Result<(), Problem> {
        self.count(&self.addresses, &network_of(address))
    }

    fn count<K: Hash + Eq + Clone>(
        &self,
        buckets: &DefaultKeyedRateLimiter<K>,
        key: &K,
    ) -> Result<(), Problem> {
        if buckets.len() > limits::RATED_ADDRESSES {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
        buckets.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::too_many(wait.as_secs() + 1)
        })
    }
}

/// The first half of an IPv6 address; an IPv4 address as it is, also where it is written as one of IPv6.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let bits = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(bits.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Rates, network_of};
    use std::num::NonZeroU32;

    #[test]
    fn a_key_has_a_bucket_of_its_own() {
        let few = NonZeroU32::new(2).expect("not 0");
        let rates = Rates::new(NonZeroU32::MIN, few);
        assert!(rates.key("a").is_ok() && rates.key("a").is_ok());
        let refused = rates.key("a").expect_err("the third");
        assert_eq!(refused.status().as_u16(), 429);
        assert!(rates.key("b").is_ok());
    }

    #[test]
    fn one_network_is_one_caller() {
        let of = |text: &str| network_of(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
