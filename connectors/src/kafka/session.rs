//! One stretch of relaying a partition: from the end of the topic on, until the right to do so ends or something fails.
//!
//! Nothing is carried over from one session to the next: each begins with what the topic itself says.

use std::sync::Arc;
use std::time::Duration;

use event_log::event::StoredEvent;
use event_log::{LogError, read};
use projections::outbound::{self, Outbound};
use tokio_util::sync::CancellationToken;

use super::config::KafkaConfig;
use super::error::RelayError;
use super::layout::{Layout, key_of};
use super::message::size_of;
use super::outbox::{BYTES, Letter, MESSAGES, Outbox, Sent};
use super::tail::{self, Tail};
use super::topic;
use crate::board::{Board, State};
use crate::outlet::{self, OutletParts};
use crate::tenure::Tenure;

/// When the broker's answer is late enough to be told.
const LATE: Duration = Duration::from_secs(1);

/// What a session works with.
pub(crate) struct Session {
    pub(crate) kafka: Arc<KafkaConfig>,
    pub(crate) parts: OutletParts,
    pub(crate) name: String,
    pub(crate) partition: i16,
    pub(crate) tenure: Tenure,
    pub(crate) board: Board,
    /// Cancelled when everything is to be dropped as it is.
    pub(crate) cut: CancellationToken,
    /// The most messages that are sent at once. Fewer after a failure: it may have been one of many, or their size.
    pub(crate) at_once: usize,
}

/// How far the topic has come.
struct Progress {
    layout: Layout,
    /// Events up to here are in the topic.
    position: i64,
    /// The last event of each Kafka partition of the run.
    lasts: Vec<i64>,
}

impl outlet::Session for Session {
    type Error = RelayError;

    async fn run(&mut self) -> Result<(), RelayError> {
        self.board.is(self.partition, State::Opening, None);
        let mut tenure = self.tenure.clone();
        let (outbox, progress) = tokio::select! {
            biased;
            () = tenure.over() => return Ok(()),
            opened = self.open() => opened?,
        };
        self.board.reached(self.partition, progress.position, &progress.lasts);
        self.board.is(self.partition, State::Relaying, None);
        tracing::info!(partition = self.partition, position = progress.position, "relaying");
        let done = self.relay(&outbox, progress).await;
        // Before the lease goes, so that nothing is under way any more when somebody else begins.
        outbox.close().await;
        self.board.remember(self.partition, &self.parts.pool).await;
        done
    }
}

impl Session {
    /// Finds out how far the topic has come, and opens a producer.
    async fn open(&self) -> Result<(Kept, Progress), RelayError> {
        let config = Arc::clone(&self.kafka);
        topic::prepare(&config, self.parts.partitions).await?;
        let layout = config.layout(self.parts.partitions);
        let (asked, run, may) = (Arc::clone(&config), layout.run(self.partition), self.may());
        let tails = tokio::task::spawn_blocking(move || tail::read(&asked, run, &may)).await;
        let tails = tails.map_err(|_| RelayError::CutOff)??;
        let progress = self.progress(layout, &tails).await?;
        let ends = tails.iter().map(|tail| (tail.kafka_partition, tail.end)).collect();
        Ok((Kept(Some(Arc::new(Outbox::open(&config, ends)?))), progress))
    }

    /// Whether this process may still send, for whoever asks from another thread.
    fn may(&self) -> impl Fn() -> bool + Send + 'static {
        let (tenure, cut) = (self.tenure.clone(), self.cut.clone());
        move || tenure.holds() && !cut.is_cancelled()
    }

    async fn relay(&mut self, outbox: &Kept, mut progress: Progress) -> Result<(), RelayError> {
        let mut source = self.parts.follow.after(self.partition, progress.position);
        let sent = metrics::counter!("stocktrail_relay_messages_total");
        let latency = metrics::histogram!("stocktrail_relay_latency_seconds");
        loop {
            let block = tokio::select! {
                biased;
                () = self.tenure.over() => return Ok(()),
                block = source.next() => block?,
            };
            let mut rest: &[StoredEvent] = &block;
            while !rest.is_empty() {
                if !self.tenure.goes_on() {
                    return Ok(());
                }
                let (letters, taken) = progress.letters(rest, self.at_once);
                let (these, later) = rest.split_at(taken);
                let (count, oldest) = (letters.len(), letters.first().map(|letter| letter.event.recorded_at));
                if count > 0 && self.deliver(outbox, letters).await? == Sent::Forbidden {
                    return Ok(());
                }
                rest = later;
                let reached = these.last().map_or(progress.position, |last| last.position);
                progress.position = progress.position.max(reached);
                self.board.reached(self.partition, progress.position, &progress.lasts);
                sent.increment(u64::try_from(count).unwrap_or(0));
                if let Some(oldest) = oldest {
                    latency.record((self.board.now() - oldest).as_seconds_f64().max(0.0));
                }
            }
        }
    }

    /// Sends and waits, and tells when it takes long.
    async fn deliver(&mut self, outbox: &Kept, letters: Vec<Letter>) -> Result<Sent, RelayError> {
        let Some(outbox) = outbox.0.clone() else { return Err(RelayError::CutOff) };
        let (may, sender, count) = (self.may(), Arc::clone(&outbox), letters.len());
        let mut sending = tokio::task::spawn_blocking(move || sender.send(&letters, &may));
        loop {
            tokio::select! {
                sent = &mut sending => {
                    let sent = sent.map_err(|_| RelayError::CutOff)?;
                    self.at_once = match &sent {
                        Err(_) => (count / 2).max(1),
                        Ok(_) => (self.at_once * 2).min(MESSAGES),
                    };
                    if sent.is_ok() {
                        self.board.is(self.partition, State::Relaying, None);
                    }
                    return sent;
                }
                () = tokio::time::sleep(LATE) => {
                    let why = outbox.complaint().unwrap_or_else(|| "the broker does not answer".to_owned());
                    self.board.is(self.partition, State::Waiting, Some(why));
                }
            }
        }
    }

    /// Where to go on, from the topic's ends and, where it was emptied, from what was written down.
    async fn progress(&self, layout: Layout, tails: &[Tail]) -> Result<Progress, RelayError> {
        let mut conn = self.parts.pool.acquire().await?;
        let told = outbound::read(&mut conn, &self.name, self.partition).await?;
        for last in tails.iter().filter_map(|tail| tail.last) {
            let here = last.partition == self.partition
                && match read::at(&mut conn, self.partition, last.position).await {
                    Ok(event) => event.is_some_and(|event| event.event_id == last.event_id),
                    // Archived: the log cannot say otherwise.
                    Err(LogError::Gap { .. }) => true,
                    Err(error) => return Err(error.into()),
                };
            if !here {
                let (topic, partition) = (self.kafka.topic.clone(), last.partition);
                return Err(RelayError::OtherLog { topic, partition, position: last.position });
            }
        }
        resume(layout, tails, told.as_ref()).map_err(|kafka_partition| RelayError::Emptied {
            topic: self.kafka.topic.clone(),
            partition: kafka_partition,
        })
    }
}

/// Where to go on. The topic's own ends decide; what was written down spares reading the log anew for the sake of a
/// Kafka partition that seldom gets a message, and speaks for one whose messages were all removed. Fails with a Kafka
/// partition of which nobody knows.
fn resume(layout: Layout, tails: &[Tail], told: Option<&Outbound>) -> Result<Progress, i32> {
    let mut lasts = Vec::with_capacity(tails.len());
    let mut regressed = None::<i64>;
    for (n, tail) in tails.iter().enumerate() {
        let known = told.and_then(|told| told.lasts.get(n).copied());
        let last = match (tail.last, known) {
            (Some(last), _) => last.position,
            (None, _) if tail.end == 0 => 0,
            (None, Some(known)) => known,
            (None, None) => return Err(tail.kafka_partition),
        };
        if last < known.unwrap_or(0) {
            // The topic has lost messages, or is a new one.
            regressed = Some(regressed.map_or(last, |to| to.min(last)));
        }
        lasts.push(last);
    }
    let earliest = lasts.iter().copied().min().unwrap_or(0);
    let told = told.and_then(|told| told.position).unwrap_or(0);
    let position = regressed.unwrap_or_else(|| earliest.max(told));
    Ok(Progress { layout, position, lasts })
}

impl Progress {
    /// The letters of the first events, as many as are sent at once, and of how many events these are: there is no letter
    /// for one that is in the topic already.
    fn letters(&mut self, events: &[StoredEvent], at_once: usize) -> (Vec<Letter>, usize) {
        let (mut letters, mut bytes) = (Vec::new(), 0);
        for (n, event) in events.iter().enumerate() {
            let key = key_of(event);
            let kafka_partition = self.layout.place(event.partition, &key);
            let within = kafka_partition - self.layout.run(event.partition).start;
            let Some(last) = usize::try_from(within).ok().and_then(|within| self.lasts.get_mut(within))
            else {
                continue;
            };
            if event.position <= *last {
                continue;
            }
            bytes += size_of(event, &key);
            if letters.len() == at_once || (bytes > BYTES && !letters.is_empty()) {
                return (letters, n);
            }
            let previous = std::mem::replace(last, event.position);
            letters.push(Letter { event: event.clone(), key, kafka_partition, previous });
        }
        (letters, events.len())
    }
}

/// An outbox whose end, which waits for librdkafka's threads, never blocks the runtime.
struct Kept(Option<Arc<Outbox>>);

impl Kept {
    async fn close(mut self) {
        let outbox = self.0.take();
        let _cut_off = tokio::task::spawn_blocking(move || drop(outbox)).await;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(outbox) = self.0.take() {
            std::thread::spawn(move || drop(outbox));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Place;
    use super::*;

    fn tail(kafka_partition: i32, end: i64, last: Option<i64>) -> Tail {
        let place = |position| Place { event_id: uuid::Uuid::nil(), partition: 0, position, previous: 0 };
        Tail { kafka_partition, end, last: last.map(place) }
    }

    fn told(position: i64, lasts: &[i64]) -> Outbound {
        Outbound {
            name: "kafka:t".into(),
            partition: 0,
            position: Some(position),
            lasts: lasts.to_vec(),
            state: "relaying".into(),
            detail: None,
            since: chrono::DateTime::UNIX_EPOCH,
        }
    }

    fn event(position: i64, stream: &str, payload: usize) -> StoredEvent {
        StoredEvent {
            partition: 0,
            position,
            company_id: uuid::Uuid::nil(),
            stream_type: Arc::from("stock_item"),
            stream_id: Arc::from(stream),
            version: 1,
            event_id: uuid::Uuid::nil(),
            event_type: Arc::from("StockReceived"),
            schema_version: 1,
            effective_at: chrono::DateTime::UNIX_EPOCH,
            recorded_at: chrono::DateTime::UNIX_EPOCH,
            payload: Arc::from("x".repeat(payload)),
            metadata: Arc::from("{}"),
            meaning: event_log::event::Meaning::default(),
        }
    }

    /// Positions of bunch after bunch.
    fn bunches(progress: &mut Progress, mut events: &[StoredEvent], at_once: usize) -> Vec<Vec<i64>> {
        let mut bunches = Vec::new();
        while !events.is_empty() {
            let (letters, taken) = progress.letters(events, at_once);
            bunches.push(letters.iter().map(|letter| letter.event.position).collect());
            events = events.split_at(taken).1;
        }
        bunches
    }

    #[test]
    fn a_bunch_fits_into_a_request() {
        let progress = |lasts: &[i64]| Progress {
            layout: Layout::new(1, u16::try_from(lasts.len()).unwrap()),
            position: 0,
            lasts: lasts.to_vec(),
        };
        let events: Vec<_> = (1..=7).map(|position| event(position, "a", 10)).collect();
        let all = bunches(&mut progress(&[0]), &events, 3);
        assert_eq!(all, [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
        let all = bunches(&mut progress(&[5]), &events, 3);
        assert_eq!(all, [vec![6, 7]], "the others are in the topic already");
        let large = [event(1, "a", 400_000), event(2, "a", 2 * BYTES), event(3, "a", 400_000)];
        assert_eq!(bunches(&mut progress(&[0]), &large, 3), [[1], [2], [3]], "a large one goes by itself");
        let half: Vec<_> = (1..=4).map(|position| event(position, "a", 400_000)).collect();
        assert_eq!(bunches(&mut progress(&[0]), &half, 3), [[1, 2], [3, 4]]);
    }

    #[test]
    fn a_letter_names_the_one_before_it_in_its_kafka_partition() {
        let mut progress = Progress { layout: Layout::new(1, 2), position: 0, lasts: vec![0, 0] };
        let events: Vec<_> = (1..=40).map(|n| event(n, &format!("stream {}", n % 7), 10)).collect();
        let (letters, taken) = progress.letters(&events, MESSAGES);
        assert_eq!((letters.len(), taken), (40, 40));
        for kafka_partition in 0..2 {
            let mut last = 0;
            for letter in letters.iter().filter(|letter| letter.kafka_partition == kafka_partition) {
                assert_eq!(letter.previous, last);
                last = letter.event.position;
            }
            assert_eq!(progress.lasts[usize::try_from(kafka_partition).unwrap()], last);
            assert!(last > 0, "both are used");
        }
    }

    fn position(spread: u16, tails: &[Tail], told: Option<&Outbound>) -> Result<i64, i32> {
        resume(Layout::new(1, spread), tails, told).map(|progress| progress.position)
    }

    #[test]
    fn the_topic_decides_where_to_go_on() {
        assert_eq!(position(1, &[tail(0, 0, None)], None), Ok(0), "a new topic");
        assert_eq!(position(1, &[tail(0, 7, Some(7))], None), Ok(7));
        assert_eq!(position(1, &[tail(0, 9, Some(9))], Some(&told(7, &[7]))), Ok(9), "told too late");
        let unequal = [tail(0, 3, Some(90)), tail(1, 5, Some(40))];
        assert_eq!(position(2, &unequal, None), Ok(40));
        assert_eq!(position(2, &unequal, Some(&told(88, &[88, 40]))), Ok(88), "nothing for 1 since 40");
    }

    #[test]
    fn what_the_topic_has_lost_is_sent_again() {
        assert_eq!(position(1, &[tail(0, 5, Some(5))], Some(&told(9, &[9]))), Ok(5));
        assert_eq!(
            position(1, &[tail(0, 0, None)], Some(&told(9, &[9]))),
            Ok(0),
            "a new topic of the same name"
        );
        let one_lost = [tail(0, 3, Some(90)), tail(1, 5, Some(30))];
        assert_eq!(position(2, &one_lost, Some(&told(90, &[90, 40]))), Ok(30));
    }

    #[test]
    fn an_emptied_partition_goes_on_where_it_was_last_told() {
        assert_eq!(position(1, &[tail(0, 5, None)], Some(&told(9, &[9]))), Ok(9));
        assert_eq!(position(1, &[tail(3, 5, None)], None), Err(3));
    }
}
