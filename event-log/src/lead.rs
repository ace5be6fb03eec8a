//! Who of several processes commits to a partition for the others.
//!
//! A lead is a lease by the database's clock. It saves work where processes would take turns ([`crate::turn`]), and
//! protects nothing: what is appended is decided by the head alone, whoever appends it.

use std::net::IpAddr;
use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use crate::LogError;

/// Who leads a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// The process.
    pub holder: Uuid,
    /// Host and port at which it takes what others hand over.
    pub address: String,
    /// What both sides of a connection to it prove that they know. A new holder has a new one.
    pub secret: Uuid,
}

/// A process that would lead.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// The process.
    pub holder: Uuid,
    /// Where others reach it; none where it does not know: then they try where the database sees it.
    pub host: Option<IpAddr>,
    /// The port.
    pub port: u16,
}

/// Claims the lead for `hold` from now, or holds on to it, if nobody else has it. Answers who has it.
pub async fn claim(
    conn: &mut PgConnection,
    partition: i16,
    candidate: &Candidate,
    hold: Duration,
) -> Result<Lead, LogError> {
    let hold = PgInterval::try_from(hold).map_err(|_| LogError::Unreadable("time of a lead"))?;
    let (holder, address, secret) =
        sqlx::query_as("select holder, address, secret from log.claim_lead($1, $2, $3, $4, $5)")
            .bind(partition)
            .bind(candidate.holder)
            .bind(candidate.host.map(|host| host.to_string()))
            .bind(i32::from(candidate.port))
            .bind(hold)
            .fetch_one(conn)
            .await?;
    Ok(Lead { holder, address, secret })
}

/// Gives the lead up, if `holder` has it, so that another may claim it at once.
pub async fn leave(conn: &mut PgConnection, partition: i16, holder: Uuid) -> Result<(), LogError> {
    sqlx::query("select log.leave_lead($1, $2)").bind(partition).bind(holder).execute(conn).await?;
    Ok(())
}
