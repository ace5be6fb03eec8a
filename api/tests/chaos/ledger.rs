//! The log beside what writers were told: every acknowledged command once, where its answer says, and nothing else.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use domain::shared::event::Event;
use domain::stock::StockEvent;
use domain::stock::event::Movement;
use event_log::checkpoint::{self, Tip};
use event_log::event::StoredEvent;
use event_log::{LogError, append, read, verify};
use sqlx::PgPool;

use crate::findings::{Findings, Kind};
use crate::history::Told;
use crate::model::{Answer, Leg, PLACES, Stock};
use crate::writers::{Company, ITEMS, item_name, item_number};

/// Events that are read at once.
const PAGE: i64 = 5_000;

/// What the log has held so far.
pub(crate) struct Ledger {
    /// Every partition.
    pub(crate) logs: Vec<PartitionLog>,
    /// Stock of every item.
    pub(crate) stock: Vec<Stock>,
    /// Movements of stock, by company.
    pub(crate) movements: Vec<i64>,
    /// Keys of commands.
    keys: HashSet<String>,
}

/// One partition.
#[derive(Default)]
pub(crate) struct PartitionLog {
    /// Read up to here.
    pub(crate) position: i64,
    /// The events of this round.
    pub(crate) news: Vec<StoredEvent>,
    /// Where it stood after each round.
    tips: Vec<Tip>,
}

impl Ledger {
    /// Begins with what is in the log before the first command.
    pub(crate) async fn begin(pool: &PgPool, partitions: i16, companies: &[Company]) -> Self {
        let mut ledger = Self {
            logs: (0..partitions).map(|_| PartitionLog::default()).collect(),
            stock: vec![Stock::default(); companies.len() * ITEMS],
            movements: vec![0; companies.len()],
            keys: HashSet::new(),
        };
        let mut findings = Findings::default();
        ledger.read(pool, &mut findings).await;
        assert!(findings.is_empty(), "{findings}");
        ledger
    }

    /// Reads what is new and holds it against what writers were told in this round.
    pub(crate) async fn check(
        &mut self,
        pool: &PgPool,
        companies: &[Company],
        told: &[Told],
        findings: &mut Findings,
    ) {
        self.read(pool, findings).await;
        let by_key: HashMap<&str, &Told> = told.iter().map(|told| (told.key.as_str(), told)).collect();
        let mut found = HashMap::new();
        for (number, company) in companies.iter().enumerate() {
            let news = std::mem::take(&mut self.logs[usize::try_from(company.partition).unwrap()].news);
            for event in news.iter().filter(|event| event.company_id == company.id) {
                self.take(number, event, &by_key, &mut found, findings);
            }
            self.logs[usize::try_from(company.partition).unwrap()].news = news;
        }
        answered_is_there(told, &found, findings);
        self.verify(pool, findings).await;
    }

    /// Everything after what was read before; a hole is a finding.
    async fn read(&mut self, pool: &PgPool, findings: &mut Findings) {
        let mut conn = pool.acquire().await.unwrap();
        for (partition, log) in (0_i16..).zip(&mut self.logs) {
            log.news.clear();
            let head = append::head(&mut conn, partition).await.unwrap();
            loop {
                match read::after(&mut conn, partition, log.position, PAGE).await {
                    Ok(page) if page.is_empty() => break,
                    Ok(page) => {
                        log.position += i64::try_from(page.len()).unwrap();
                        log.news.extend(page);
                    }
                    Err(LogError::Gap { position, .. }) => {
                        let what =
                            format!("partition {partition} has nothing at {position}, its head is {head:?}");
                        findings.add(Kind::Gap, what);
                        break;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            if log.position != head.position {
                let what = format!("partition {partition} ends at {}, its head is {head:?}", log.position);
                findings.add(Kind::Gap, what);
            }
            if head.batch > 0 {
                log.tips.push(checkpoint::tip_at(&mut conn, partition, &head).await.unwrap());
            }
        }
    }

    /// One event of a company: a command's, as it was answered.
    fn take(
        &mut self,
        company: usize,
        event: &StoredEvent,
        told: &HashMap<&str, &Told>,
        found: &mut HashMap<String, i64>,
        findings: &mut Findings,
    ) {
        let place = format!("{} at {}", event.event_type, event.position);
        if &*event.stream_type != StockEvent::STREAM_TYPE {
            // The day changes now and then.
            if &*event.event_type != "DayStarted" {
                findings.add(Kind::Unasked, place);
            }
            return;
        }
        let fact = StockEvent::decode(&event.event_type, event.schema_version, &event.payload).unwrap();
        self.movements[company] += i64::try_from(fact.entry().movements.len()).unwrap();
        let key = fact.notes().unwrap_or_default().to_owned();
        if !self.keys.insert(key.clone()) {
            findings.add(Kind::Twice, format!("{key}: {place}, and before"));
            return;
        }
        found.insert(key.clone(), event.position);
        let Some(told) = told.get(key.as_str()) else {
            findings.add(Kind::Unasked, format!("{key}: {place}"));
            return;
        };
        if *event.stream_id != *item_name(told.item) || told.item / ITEMS != company {
            findings.add(Kind::Unasked, format!("{key}: {place} of {}", event.stream_id));
        }
        let recorded = answer_of(&fact);
        if recorded != told.answer {
            findings.add(
                Kind::WrongAnswer,
                format!("{key}: {place} is {recorded:?}, told was {:?}", told.answer),
            );
        }
        let item = item_number(company, told.item % ITEMS);
        if let Err(why) = self.stock[item].step(told.order, &recorded) {
            findings.add(Kind::WrongAnswer, format!("{key}: {:?}: {place}: {why}", told.order));
        }
    }

    /// The chain holds, and passes through every head that was seen before.
    async fn verify(&self, pool: &PgPool, findings: &mut Findings) {
        for (partition, log) in (0_i16..).zip(&self.logs) {
            let report = verify::verify(pool, partition, &log.tips).await.unwrap();
            if let Some(fault) = report.fault {
                findings.add(Kind::Chain, format!("partition {partition}: {fault:?}"));
            }
        }
    }
}

/// What an event says, in the words of an answer.
fn answer_of(fact: &StockEvent) -> Answer {
    let leg = |movement: &Movement| {
        let location = movement.location_id.as_str();
        Leg {
            at: PLACES.iter().position(|place| *place == location).unwrap_or(PLACES.len()),
            before: movement.balance_after - movement.effect,
            after: movement.balance_after,
            superseded_by: movement.superseded_by,
        }
    };
    let entry = fact.entry();
    Answer::Done { movement_id: entry.movement_id, legs: entry.movements.iter().map(leg).collect() }
}

/// Every acknowledged command is where it was said to be, in an order that real time allows; no refused one is there.
fn answered_is_there(told: &[Told], found: &HashMap<String, i64>, findings: &mut Findings) {
    for told in told {
        let (key, logged) = (&told.key, found.get(&told.key));
        match (&told.answer, logged) {
            (Answer::Done { .. }, None) => {
                findings.add(
                    Kind::Lost,
                    format!("{key} was acknowledged at {:?}: {:?}", told.position, told.order),
                );
            }
            (Answer::Done { .. }, Some(position)) if told.position != Some(*position) => {
                findings
                    .add(Kind::Misplaced, format!("{key} is at {position}, told was {:?}", told.position));
            }
            (Answer::Refused { .. }, Some(position)) => {
                findings.add(Kind::Unasked, format!("{key} was refused and is at {position}"));
            }
            (Answer::Done { .. }, Some(_)) | (Answer::Refused { .. }, None) => {}
        }
    }
    let companies = told.iter().map(|told| told.item / ITEMS).collect::<HashSet<_>>();
    for company in companies {
        in_time(told.iter().filter(|told| told.item / ITEMS == company), findings);
    }
    statements_overlap(told, findings);
}

/// No command stands behind one that was asked only after it had been answered.
fn in_time<'a>(told: impl Iterator<Item = &'a Told>, findings: &mut Findings) {
    let mut ordered: Vec<_> = told.filter_map(|told| Some((told.position?, told))).collect();
    ordered.sort_unstable_by_key(|(position, _)| *position);
    let mut earliest: Option<(Instant, &Told)> = None;
    for (position, told) in ordered.into_iter().rev() {
        if let Some((answered, later)) = earliest.filter(|(answered, _)| *answered < told.asked) {
            let early = told.asked - answered;
            let what = format!(
                "{} is at {:?}, answered {early:?} before {} was asked, which is at {position}",
                later.key, later.position, told.key
            );
            findings.add(Kind::Misplaced, what);
        }
        earliest = earliest.filter(|(answered, _)| *answered < told.answered).or(Some((told.answered, told)));
    }
}

/// What a statement is said to have counted already was under way together with it.
fn statements_overlap(told: &[Told], findings: &mut Findings) {
    let statements: HashMap<_, _> = told
        .iter()
        .filter_map(|told| match &told.answer {
            Answer::Done { movement_id, .. } => Some((*movement_id, told)),
            Answer::Refused { .. } => None,
        })
        .collect();
    for told in told {
        let Answer::Done { legs, .. } = &told.answer else { continue };
        for by in legs.iter().filter_map(|leg| leg.superseded_by) {
            let overlaps = statements.get(&by).is_some_and(|statement| statement.answered >= told.asked);
            if !overlaps {
                let what = format!("{} has no effect for a statement that was answered before", told.key);
                findings.add(Kind::WrongAnswer, what);
            }
        }
    }
}
