//! Where a service's spans go beside its log: to a collector, in a build with the feature `otel`; else nowhere. Decides nothing.

#[cfg(feature = "otel")]
pub(super) use collected::Spans;
#[cfg(not(feature = "otel"))]
pub(super) use nowhere::Spans;

#[cfg(feature = "otel")]
mod collected {
    use keypace_server::otel::Traces;
    use tracing_subscriber::{Layer, Registry};

    use crate::exit::Halt;

    /// Spans on their way to a collector, where one is named.
    pub(crate) struct Spans(Option<Traces>);

    impl Spans {
        /// To this collector.
        pub(crate) fn to(collector: Option<&str>) -> Result<Self, Halt> {
            let traces = collector.map(Traces::to).transpose();
            traces.map(Self).map_err(|error| {
                Halt::usage("send spans to the collector")
                    .with_cause(&error)
                    .with_hint("OTEL_EXPORTER_OTLP_ENDPOINT is like http://127.0.0.1:4318")
            })
        }

        /// What takes them up.
        pub(crate) fn layer(&self) -> impl Layer<Registry> + Send + Sync + use<> {
            self.0.as_ref().map(Traces::layer)
        }

        /// Sends what is left.
        pub(crate) async fn finish(self) {
            if let Some(traces) = self.0 {
                traces.finish().await;
            }
        }
    }
}

#[cfg(not(feature = "otel"))]
mod nowhere {
    use tracing_subscriber::layer::Identity;
    use tracing_subscriber::{Layer, Registry};

    use crate::exit::Halt;

    /// Nothing is sent.
    pub(crate) struct Spans;

    impl Spans {
        /// To nobody.
        #[expect(
            clippy::unnecessary_wraps,
            reason = "with the feature it may be refused"
        )]
        pub(crate) fn to(_: Option<&str>) -> Result<Self, Halt> {
            Ok(Self)
        }

        /// Takes nothing up.
        #[expect(clippy::unused_self, reason = "with the feature it is asked for")]
        pub(crate) fn layer(&self) -> impl Layer<Registry> + Send + Sync + use<> {
            Identity::new()
        }

        /// There is nothing left.
        #[expect(clippy::unused_async, reason = "with the feature it waits")]
        pub(crate) async fn finish(self) {}
    }
}
