//! The binary `stocktrail`. Exit codes: 0 done, 1 failed, 2 usage.

use std::io::{IsTerminal, Write};

use anyhow::Context;
use api::cli::{Cli, Command};
use clap::Parser;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    start_tracing();
    match cli.command {
        Command::Serve(serve) => {
            let demo = serve.demo;
            let running = api::server::start(serve.into_config()).await.context("the server cannot start")?;
            if demo {
                tokio::spawn(load_demo(running.addr, running.state.clock.now()));
            }
            shutdown_asked().await?;
            tracing::info!("stopping");
            running.stop().await;
        }
        Command::Migrate(database) => {
            let database = migrations::Database::open(database.source()).await?;
            projections::install::install(database.owner(), &projections::registry::all()).await?;
            database.stop().await;
        }
        Command::Openapi => {
            let mut out = std::io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &api::openapi::document())?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// The server serves while the demo is loaded; a failure is told and ends nothing.
async fn load_demo(addr: std::net::SocketAddr, now: chrono::DateTime<chrono::Utc>) {
    if let Err(error) = api::demo::load(addr, now, &api::demo::data_folder()).await {
        tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "the demo was not loaded");
    }
}

/// Lines go to standard error; `STOCKTRAIL_LOG` filters them (`info,http=debug` shows every request), and
/// `STOCKTRAIL_LOG_FORMAT=json` writes JSON.
fn start_tracing() {
    let filter = EnvFilter::try_from_env("STOCKTRAIL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    if std::env::var("STOCKTRAIL_LOG_FORMAT").is_ok_and(|format| format == "json") {
        lines.json().init();
    } else {
        lines.init();
    }
}

async fn shutdown_asked() -> anyhow::Result<()> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = term.recv() => {}
    }
    Ok(())
}
