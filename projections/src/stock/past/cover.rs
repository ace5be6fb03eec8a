//! From which sums and movements the stock of a moment is put together.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Moment;

/// Every movement of the moment exactly once: in a whole part, in a part that is cut, or in a stretch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cover {
    /// Parts all of which had happened and were known: checkpoints and numbers.
    pub(super) whole: (Vec<i64>, Vec<i32>),
    /// Parts that go on beyond the instant: checkpoints and first instants. At most one of a checkpoint.
    pub(super) cut: (Vec<i64>, Vec<DateTime<Utc>>),
    /// The earliest of these first instants.
    pub(super) cut_from: Option<DateTime<Utc>>,
    /// Facts from one checkpoint to the next.
    pub(super) distance: i64,
    /// Positions after which and up to which no part answers.
    pub(super) stretches: (Vec<i64>, Vec<i64>),
    /// Movements in the whole parts.
    pub(super) movements: i64,
}

/// A part of a checkpoint; see `movements/checkpoints.rs`.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Part {
    checkpoint: i64,
    /// 0 is all of the history up to the checkpoint.
    number: i32,
    last_position: i64,
    first_recorded_at: DateTime<Utc>,
    last_recorded_at: DateTime<Utc>,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    movements: i64,
}

impl Cover {
    /// Decides by the bounds of the company's parts.
    pub(super) async fn find(
        conn: &mut PgConnection,
        company_id: Uuid,
        moment: Moment,
    ) -> Result<Self, sqlx::Error> {
        let parts: Vec<Part> = sqlx::query_as(
            "select checkpoint, part as number, last_position, first_recorded_at, last_recorded_at, first_at, last_at,
                    movements
             from movements_2.checkpoints
             where company_id = $1
             order by company_id, checkpoint, part",
        )
        .bind(company_id)
        .fetch_all(conn)
        .await?;
        Ok(Self::of(&parts, moment))
    }

    /// Leaves only what is read movement by movement.
    pub(super) fn leave_out_sums(&mut self) {
        self.whole = (Vec::new(), Vec::new());
    }

    /// `parts` stand in the order of checkpoints and numbers.
    fn of(parts: &[Part], moment: Moment) -> Self {
        let mut cover = Self { distance: parts.first().map_or(1, |part| part.checkpoint), ..Self::default() };
        let checkpoints: Vec<&[Part]> =
            parts.chunk_by(|one, other| one.checkpoint == other.checkpoint).collect();
        let known = checkpoints.iter().take_while(|parts| is_known(parts, moment));
        let all =
            known.filter_map(|parts| parts.first()).take_while(|all| all.last_at <= moment.as_of).last();
        let mut position = 0;
        if let Some(all) = all {
            cover.add_whole(all);
            position = all.last_position;
        }
        for parts in checkpoints {
            let last_position = parts.first().map_or(0, |part| part.last_position);
            if last_position <= position {
                continue;
            }
            if is_known(parts, moment) {
                parts.iter().filter(|part| part.number > 0).for_each(|part| cover.add(part, moment));
            } else if parts.iter().any(|part| part.first_recorded_at <= moment.known_at) {
                cover.add_stretch(position, last_position);
            }
            position = last_position;
        }
        cover.add_stretch(position, i64::MAX);
        cover
    }

    fn add(&mut self, part: &Part, moment: Moment) {
        if part.last_at <= moment.as_of {
            self.add_whole(part);
        } else if part.first_at <= moment.as_of {
            self.cut.0.push(part.checkpoint);
            self.cut.1.push(part.first_at);
            self.cut_from = self.cut_from.into_iter().chain([part.first_at]).min();
        }
    }

    fn add_whole(&mut self, part: &Part) {
        self.whole.0.push(part.checkpoint);
        self.whole.1.push(part.number);
        self.movements += part.movements;
    }

    fn add_stretch(&mut self, after: i64, up_to: i64) {
        self.stretches.0.push(after);
        self.stretches.1.push(up_to);
    }
}

/// Whether all that a checkpoint adds was recorded by then.
fn is_known(parts: &[Part], moment: Moment) -> bool {
    parts.iter().all(|part| part.last_recorded_at <= moment.known_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hours * 3_600, 0).unwrap()
    }

    /// Checkpoint 10 of hours 0 to 9 and checkpoint 20 of hours 10 to 19, which also learnt of hours 2 to 4.
    fn parts() -> Vec<Part> {
        let part = |checkpoint: i64, number, first_at, last_at| Part {
            checkpoint,
            number,
            last_position: checkpoint * 100,
            first_recorded_at: at(checkpoint - 10),
            last_recorded_at: at(checkpoint - 1),
            first_at: at(first_at),
            last_at: at(last_at),
            movements: 1,
        };
        vec![
            part(10, 0, 0, 9),
            part(10, 1, 0, 4),
            part(10, 2, 5, 9),
            part(20, 0, 0, 19),
            part(20, 1, 2, 4),
            part(20, 2, 10, 14),
            part(20, 3, 15, 19),
        ]
    }

    fn cover(as_of: i64, known_at: i64) -> Cover {
        Cover::of(&parts(), Moment { as_of: at(as_of), known_at: at(known_at) })
    }

    #[test]
    fn after_all_that_is_known_the_newest_checkpoint_answers() {
        let now = cover(30, 30);
        assert_eq!(now.whole, (vec![20], vec![0]));
        assert_eq!(now.stretches, (vec![2_000], vec![i64::MAX]));
        assert_eq!((now.distance, now.cut_from), (10, None));
    }

    #[test]
    fn an_earlier_instant_takes_the_checkpoint_before_and_what_was_learnt_late() {
        let then = cover(12, 30);
        assert_eq!(then.whole, (vec![10, 20], vec![0, 1]));
        assert_eq!(then.cut, (vec![20], vec![at(10)]));
        assert_eq!((then.stretches, then.movements), ((vec![2_000], vec![i64::MAX]), 2));
        let early = cover(3, 30);
        assert_eq!(early.whole, (vec![], vec![]));
        assert_eq!(early.cut, (vec![10, 20], vec![at(0), at(2)]));
        assert_eq!(early.cut_from, Some(at(0)));
    }

    #[test]
    fn what_was_known_in_the_middle_of_a_checkpoint_is_read_movement_by_movement() {
        let then = cover(30, 12);
        assert_eq!(then.whole, (vec![10], vec![0]));
        assert_eq!(then.stretches, (vec![1_000, 2_000], vec![2_000, i64::MAX]));
        let before = cover(30, 9);
        assert_eq!(before.stretches, (vec![2_000], vec![i64::MAX]));
    }
}
