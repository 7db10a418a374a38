//! The layer that makes a line of each event and hands it to the ring, the terminal and the files.

use std::io::Write;

use tracing::{Event, Subscriber, span};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{
    line::{Fields, Line, Said},
    ring::LogRing,
};
use crate::{clock::unix_ms, config::LogFormat};

/// Where lines go.
pub(super) struct Lines {
    pub(super) ring: LogRing,
    pub(super) sinks: Vec<Sink>,
}

/// Something that is written to by a thread of its own: a logger only queues its line, and a full queue
/// drops it.
pub(super) struct Sink {
    pub(super) queue: NonBlocking,
    pub(super) format: LogFormat,
    pub(super) coloured: bool,
}

/// Fields of a span, kept with it.
struct SpanFields(Fields);

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        let mut said = Said::default();
        attributes.record(&mut said);
        if let Some(span) = ctx.span(id) {
            span.extensions_mut().insert(SpanFields(said.fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let mut around = Fields::new();
        if let Some(scope) = ctx.event_scope(event) {
            for span in scope.from_root() {
                if let Some(SpanFields(fields)) = span.extensions().get() {
                    around.extend(fields.iter().cloned());
                }
            }
        }
        let metadata = event.metadata();
        let line = Line {
            at_ms: unix_ms(),
            level: *metadata.level(),
            target: metadata.target(),
            said,
            around,
        };
        let text = line.text();
        self.ring.push(line.at_ms, line.level, line.target, &text);
        for sink in &self.sinks {
            let written = match sink.format {
                LogFormat::Text => line.for_people(&text, sink.coloured),
                LogFormat::Json => line.for_programs(),
            };
            // It only queues; what is dropped is counted by the queue.
            sink.queue.clone().write_all(written.as_bytes()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, mpsc},
    };

    use parking_lot::Mutex;
    use tracing::Level;
    use tracing_appender::non_blocking::NonBlockingBuilder;
    use tracing_subscriber::{Registry, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_comes_to_the_ring_and_to_each_sink_in_its_format() {
        let (ring, people, programs) = (LogRing::new(), Written::default(), Written::default());
        let (for_people, first) = NonBlockingBuilder::default().finish(people.clone());
        let (for_programs, second) = NonBlockingBuilder::default().finish(programs.clone());
        let sink = |queue, format| Sink {
            queue,
            format,
            coloured: false,
        };
        let lines = Lines {
            ring: ring.clone(),
            sinks: vec![
                sink(for_people, LogFormat::Text),
                sink(for_programs, LogFormat::Json),
            ],
        };
        tracing::subscriber::with_default(Registry::default().with(lines), || {
            let _entered = tracing::info_span!("request", request = "r-1").entered();
            tracing::warn!(bytes = 7, "a \u{1b}[31mred\u{1b}[0m line\nand another");
        });
        // The queues are written out when their guards go.
        drop((first, second));
        let kept = ring.tail(0, Level::TRACE, 10);
        let text = "a \\u{1b}[31mred\\u{1b}[0m line\\nand another request=r-1 bytes=7";
        assert_eq!(kept[0].text, text);
        let people = String::from_utf8(people.0.lock().clone()).unwrap();
        assert!(people.ends_with(&format!("{text}\n")), "{people}");
        let object: serde_json::Value = serde_json::from_slice(&programs.0.lock()).unwrap();
        assert_eq!(object["request"], "r-1");
        assert_eq!(object["bytes"], "7");
    }

    /// A terminal that takes nothing until it is let.
    struct Held(mpsc::Receiver<()>);

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_that_stands_still_holds_no_logger_up() {
        const LOGGED: u64 = 5_000;
        let (release, held) = mpsc::channel::<()>();
        let bounded = NonBlockingBuilder::default().buffered_lines_limit(16);
        let (queue, guard) = bounded.finish(Held(held));
        let dropped = queue.error_counter();
        let ring = LogRing::new();
        let lines = Lines {
            ring: ring.clone(),
            sinks: vec![Sink {
                queue,
                format: LogFormat::Text,
                coloured: false,
            }],
        };
        tracing::subscriber::with_default(Registry::default().with(lines), || {
            for number in 0..LOGGED {
                tracing::info!(number, "a line");
            }
        });
        assert_eq!(ring.newest(), LOGGED, "the operator's page has them");
        // One line may be on its way to the terminal, and as many wait as there is room for.
        assert!(dropped.dropped_lines() as u64 >= LOGGED - 17);
        drop(release);
        drop(guard);
    }
}
