//! Opening a database for a tool that looks: nothing is migrated, and a private server that already runs is shared.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;

use crate::database::{Database, Source};
use crate::error::DatabaseError;
use crate::server::{Durability, OWNER, Server};

/// Database of a private server.
const DATABASE: &str = "stocktrail";

impl Database {
    /// Connects to what is there and changes nothing. A private server that another process runs is shared; one that
    /// does not run is started, and stopped with [`Database::stop`]. A data directory that does not exist is an error.
    pub async fn attach(source: Source) -> Result<Database, DatabaseError> {
        match source {
            Source::Url(url) => {
                let options = PgConnectOptions::from_str(&url).map_err(DatabaseError::Address)?;
                Ok(Database::connect(options, None))
            }
            Source::Embedded { data_dir, durable } => {
                let durability = if durable { Durability::Durable } else { Durability::Volatile };
                let opened = tokio::task::spawn_blocking(move || share_or_start(&data_dir, durability)).await;
                let (options, server) = opened.map_err(|_| DatabaseError::Interrupted)??;
                Ok(Database::connect(options.database(DATABASE), server.map(Arc::new)))
            }
        }
    }
}

fn share_or_start(
    data_dir: &Path,
    durability: Durability,
) -> Result<(PgConnectOptions, Option<Server>), DatabaseError> {
    if !data_dir.is_dir() {
        let doing = format!("opening the data directory {}", data_dir.display());
        return Err(DatabaseError::io(doing)(io::Error::from(io::ErrorKind::NotFound)));
    }
    match Server::start(data_dir, durability) {
        Ok(server) => Ok((server.options(), Some(server))),
        Err(DatabaseError::InUse(home)) => Ok((running_in(&home)?, None)),
        Err(error) => Err(error),
    }
}

/// How to connect to the server that another process runs in this folder.
fn running_in(home: &Path) -> Result<PgConnectOptions, DatabaseError> {
    let password = read(home.join("password"))?;
    let state = read(home.join("cluster/postmaster.pid"))?;
    // Line 4 is the port, line 5 the folder of the socket.
    let mut lines = state.lines().skip(3);
    let port = lines.next().and_then(|line| line.trim().parse().ok());
    let (Some(port), Some(socket)) = (port, lines.next().map(str::trim)) else {
        return Err(DatabaseError::InUse(home.to_owned()));
    };
    let options = PgConnectOptions::new_without_pgpass().socket(socket).port(port);
    Ok(options.username(OWNER).password(password.trim()))
}

fn read(path: PathBuf) -> Result<String, DatabaseError> {
    let doing = format!("reading {}", path.display());
    fs::read_to_string(path).map_err(DatabaseError::io(doing))
}
