//! Power `logs`: what containers printed.

use std::collections::VecDeque;

use futures_util::StreamExt;
use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::docker::error::{invalid, no_such, too_much};
use crate::capabilities::docker::jobs::{Dropped, Job, truncate};
use crate::capabilities::docker::logs::{Host, Line, Options};
use crate::capabilities::docker::scope::Scope;
use crate::capabilities::docker::types::{Error, Event};
use crate::capabilities::docker::{DockerView, limits};
use crate::gate::Effect;
use crate::grants::DockerPower;

use super::{check_name, operation};

impl Host for DockerView<'_> {
    async fn read(&mut self, container: String, options: Options) -> Trap<Result<Vec<Line>, Error>> {
        let operation = operation("logs.read", &container, Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Logs));
        let read = async {
            let mut last = Last::default();
            let bounded = Options { tail: tail(options.tail)?, ..options };
            let (id, since) = wanted(&scope, &container, &bounded).await?;
            let mut pieces = scope.engine.logs(&id, since, bounded.tail, bounded.timestamps, false).await?;
            let mut cutter = Cutter::default();
            let reading = async {
                while let Some(piece) = pieces.next().await {
                    let (error_stream, bytes) = piece?;
                    cutter.feed(error_stream, &bytes).into_iter().for_each(|line| last.take(line));
                }
                Ok(())
            };
            scope.engine.patiently(reading).await.map_err(|failure| gone(failure, &container))?;
            cutter.rest().into_iter().for_each(|line| last.take(line));
            Ok(last.lines.into())
        };
        Ok(self.ctx.gate.pass(operation, decision, read).await)
    }

    async fn follow(&mut self, container: String, options: Options) -> Trap<Result<Resource<Job>, Error>> {
        let operation = operation("logs.follow", &container, Effect::Read, String::new());
        let (scope, decision) = (self.scope(), self.decide(DockerPower::Logs));
        self.begin(operation, decision, Dropped::Cancels, |reporter| async move {
            let (id, since) = wanted(&scope, &container, &options).await?;
            let mut pieces = scope.engine.logs(&id, since, options.tail, options.timestamps, true).await?;
            let mut cutter = Cutter::default();
            let following = async {
                while let Some(piece) = pieces.next().await {
                    let (error_stream, bytes) = piece?;
                    for line in cutter.feed(error_stream, &bytes) {
                        // A guest that is slow slows the reading down: no line is left out.
                        reporter.say_each(event(line)).await;
                    }
                }
                Ok(())
            };
            scope.engine.patiently(following).await.map_err(|failure| gone(failure, &container))?;
            for line in cutter.rest() {
                reporter.say_each(event(line)).await;
            }
            Ok(String::new())
        })
    }
}

/// The container's id, and the engine's way to say since when.
async fn wanted(scope: &Scope, container: &str, options: &Options) -> Result<(String, i32), Error> {
    check_name(container)?;
    let since = match options.since.as_str() {
        "" => 0,
        text => {
            let at: jiff::Timestamp = text.parse().map_err(|_| invalid(format!("`{}` is no time in RFC 3339", text.escape_debug())))?;
            i32::try_from(at.as_second()).map_err(|_| invalid("`since` is too far away"))?
        }
    };
    Ok((scope.container_id(container).await?, since))
}

fn tail(asked: u32) -> Result<u32, Error> {
    match asked {
        0 => Ok(limits::LOG_LINES),
        asked if asked > limits::LOG_LINES => {
            Err(too_much(format!("{asked} lines; at most {} are possible in one call", limits::LOG_LINES)))
        }
        asked => Ok(asked),
    }
}

fn gone(failure: crate::capabilities::docker::client::Failure, container: &str) -> Error {
    if failure.is_gone() { no_such("container", container) } else { failure.into() }
}

/// The stream is told in `id`.
fn event(line: Line) -> Event {
    let id = if line.error_stream { "stderr" } else { "stdout" };
    Event { id: id.to_owned(), text: line.text, current: 0, total: 0 }
}

/// The last lines were asked for: the bound of bytes takes the first ones away.
#[derive(Default)]
struct Last {
    lines: VecDeque<Line>,
    bytes: usize,
}

impl Last {
    fn take(&mut self, line: Line) {
        self.bytes += line.text.len();
        self.lines.push_back(line);
        while self.bytes > limits::LOG_BYTES {
            let Some(first) = self.lines.pop_front() else { break };
            self.bytes -= first.text.len();
        }
    }
}

/// Makes lines of pieces, for each stream by itself.
#[derive(Default)]
struct Cutter {
    streams: [Vec<u8>; 2],
}

impl Cutter {
    fn feed(&mut self, error_stream: bool, mut bytes: &[u8]) -> Vec<Line> {
        let [stdout, stderr] = &mut self.streams;
        let pending = if error_stream { stderr } else { stdout };
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            keep(pending, bytes.get(..end).unwrap_or_default());
            lines.push(line(error_stream, std::mem::take(pending)));
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
        keep(pending, bytes);
        lines
    }

    /// Last lines without an end.
    fn rest(self) -> Vec<Line> {
        let [stdout, stderr] = self.streams;
        [(false, stdout), (true, stderr)]
            .into_iter()
            .filter(|(_, bytes)| !bytes.is_empty())
            .map(|(stream, bytes)| line(stream, bytes))
            .collect()
    }
}

/// Of a line without an end no more is held than is told.
fn keep(pending: &mut Vec<u8>, bytes: &[u8]) {
    let room = (limits::LOG_LINE_BYTES + 4).saturating_sub(pending.len());
    pending.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
}

fn line(error_stream: bool, bytes: Vec<u8>) -> Line {
    let mut text = String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned();
    truncate(&mut text, limits::LOG_LINE_BYTES);
    Line { error_stream, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_of_pieces_and_cut_at_their_bound() {
        let mut cutter = Cutter::default();
        let text = |lines: Vec<Line>| lines.into_iter().map(|line| (line.error_stream, line.text)).collect::<Vec<_>>();
        assert_eq!(text(cutter.feed(false, b"a\r\nb")), [(false, "a".to_owned())]);
        assert_eq!(text(cutter.feed(true, b"e\n")), [(true, "e".to_owned())]);
        assert_eq!(text(cutter.feed(false, b"c\n\n")), [(false, "bc".to_owned()), (false, String::new())]);
        for (length, kept) in [(limits::LOG_LINE_BYTES, limits::LOG_LINE_BYTES), (limits::LOG_LINE_BYTES + 9, limits::LOG_LINE_BYTES)] {
            let mut long = vec![b'x'; length];
            long.push(b'\n');
            assert_eq!(cutter.feed(false, &long)[0].text.len(), kept);
        }
        cutter.feed(true, b"last");
        assert_eq!(text(cutter.rest()), [(true, "last".to_owned())]);
    }

    #[test]
    fn the_bound_of_bytes_takes_the_first_lines_away() {
        let mut last = Last::default();
        let line = |text: String| Line { error_stream: false, text };
        let full = limits::LOG_BYTES / limits::LOG_LINE_BYTES;
        (0..full).for_each(|_| last.take(line("x".repeat(limits::LOG_LINE_BYTES))));
        assert_eq!((last.lines.len(), last.bytes), (full, limits::LOG_BYTES));
        last.take(line("y".to_owned()));
        assert_eq!((last.lines.len(), last.bytes), (full, limits::LOG_BYTES - limits::LOG_LINE_BYTES + 1));
        assert_eq!(last.lines.back().map(|line| line.text.as_str()), Some("y"));
    }

    #[test]
    fn as_many_lines_as_may_be_asked_for_are_and_one_more_is_too_much() {
        assert_eq!((tail(0), tail(1), tail(limits::LOG_LINES)), (Ok(limits::LOG_LINES), Ok(1), Ok(limits::LOG_LINES)));
        assert!(matches!(tail(limits::LOG_LINES + 1), Err(Error::LimitExceeded(_))));
    }
}
