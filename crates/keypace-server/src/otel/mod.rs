//! Spans of requests and jobs for an OpenTelemetry collector, over OTLP in HTTP with protobuf. There with the feature `otel`.
//! Sends spans alone, with what they say of themselves: no events, so that nothing of the log goes out, and no key name, value
//! or credential stands in a span.

mod collector;

use opentelemetry::Key;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use self::collector::Collector;
use crate::limits;

/// What the service is called where `OTEL_SERVICE_NAME` says nothing.
const SERVICE: &str = "keypace";
/// What the SDK calls a service without a name.
const UNNAMED: &str = "unknown_service";
/// Where a collector takes spans, below its endpoint.
const PATH: &str = "/v1/traces";

/// Sends spans to one collector, in a thread of its own. What can't be sent in time is dropped: nothing waits for it.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
#[error("send spans to the collector")]
pub struct TracesError(#[from] ExporterBuildError);

impl Traces {
    /// To the collector at this endpoint, such as `http://127.0.0.1:4318`. Connects when there is something to send.
    ///
    /// # Errors
    /// For an endpoint that is no URL.
    pub fn to(endpoint: &str) -> Result<Self, TracesError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::default())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(limits::COLLECTOR_WAIT)
            .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource());
        Ok(Self {
            provider: provider.build(),
        })
    }

    /// What takes the spans of this crate up, for the subscriber of the process.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let is_ours = |about: &Metadata<'_>| {
            let own = about.target().starts_with(env!("CARGO_CRATE_NAME"));
            own && about.is_span() && *about.level() <= LevelFilter::INFO
        };
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_ours))
    }

    /// Sends what is left, within [`limits::DRAIN_TRACES`], and nothing afterwards.
    ///
    /// Not cancel-safe: dropped, it goes on in a thread.
    pub async fn finish(self) {
        let sending = move || {
            self.provider
                .shutdown_with_timeout(limits::DRAIN_TRACES)
                .err()
        };
        if let Ok(Some(error)) = tokio::task::spawn_blocking(sending).await {
            tracing::warn!(%error, "not all spans have reached the collector");
        }
    }
}

fn resource() -> Resource {
    let named = Resource::builder().build();
    let name = named.get(&Key::from_static_str("service.name"));
    match name {
        Some(name) if !name.as_str().starts_with(UNNAMED) => named,
        _ => Resource::builder().with_service_name(SERVICE).build(),
    }
}
