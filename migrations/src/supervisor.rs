//! The thread that the private server hangs on: it starts it, starts it again when it dies, and stops it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::DatabaseError;
use crate::home::Home;
use crate::process;
use crate::server;

/// How often the server is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Recovery after a crash reads all that was written since the last checkpoint.
const LONGEST_START: Duration = Duration::from_mins(10);
/// A server that does not stop by then is told to stop at once.
const LONGEST_STOP: Duration = Duration::from_secs(30);

/// What to start.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) program: PathBuf,
    pub(crate) settings: Vec<String>,
    pub(crate) home: Home,
}

/// Runs the server until `told` is closed. Says once on `started` whether the first start has worked.
pub(crate) fn run(
    plan: &Plan,
    pid: &AtomicU32,
    told: &Receiver<()>,
    started: &Sender<Result<(), DatabaseError>>,
) {
    let mut child = match start(plan, pid, told) {
        Ok(child) => child,
        Err(error) => {
            let _gone = started.send(Err(error));
            return;
        }
    };
    if started.send(Ok(())).is_err() {
        stop(&mut child);
        return;
    }
    while told.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => {
                tracing::error!(%status, "PostgreSQL has died, starting it again");
                let Some(again) = start_again(plan, pid, told) else { return };
                child = again;
                tracing::info!("PostgreSQL runs again");
            }
            Err(error) => tracing::error!(%error, "PostgreSQL cannot be watched"),
        }
    }
    stop(&mut child);
}

/// The process id that the server has written down.
pub(crate) fn recorded_pid(cluster: &Path) -> Option<u32> {
    fs::read_to_string(cluster.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

/// Tries until the server runs, on the same port and socket; none when we are told to stop.
fn start_again(plan: &Plan, pid: &AtomicU32, told: &Receiver<()>) -> Option<Child> {
    let mut pause = LOOK;
    loop {
        // Sessions of the dead server may still run; a new one refuses to start beside them.
        for left in process::working_in(&plan.home.cluster()) {
            process::signal(left, process::KILL);
        }
        match start(plan, pid, told) {
            Ok(child) => return Some(child),
            Err(error) => tracing::error!(%error, "PostgreSQL does not start"),
        }
        if told.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return None;
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// Starts the server and waits until it takes connections.
fn start(plan: &Plan, pid: &AtomicU32, told: &Receiver<()>) -> Result<Child, DatabaseError> {
    let mut command = Command::new(&plan.program);
    command.arg("-D").arg(plan.home.cluster());
    for setting in &plan.settings {
        command.arg("-c").arg(setting);
    }
    let log = plan.home.open_log()?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(log));
    server::drop_privileges(&mut command, &plan.home);
    let mut child = command.spawn().map_err(DatabaseError::io("starting PostgreSQL"))?;
    pid.store(child.id(), Ordering::Relaxed);
    let begun = Instant::now();
    while !is_ready(&plan.home.cluster(), child.id()) {
        let ended = child.try_wait().map_err(DatabaseError::io("watching PostgreSQL"))?.is_some();
        if ended
            || begun.elapsed() > LONGEST_START
            || told.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected)
        {
            stop(&mut child);
            return Err(DatabaseError::NotStarted(plan.home.end_of_log()));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(child)
}

/// The server writes its process id in line 1 and its state in line 8.
fn is_ready(cluster: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
    let state = text.lines().nth(7).map(str::trim);
    state == Some("ready") && recorded_pid(cluster) == Some(pid)
}

fn stop(child: &mut Child) {
    for (signal, patience) in [
        (process::FAST_SHUTDOWN, LONGEST_STOP),
        (process::IMMEDIATE_SHUTDOWN, Duration::from_secs(5)),
        (process::KILL, Duration::from_secs(5)),
    ] {
        let begun = Instant::now();
        let mut signalled = false;
        while begun.elapsed() < patience {
            match child.try_wait() {
                Ok(Some(_)) => return,
                Ok(None) if !signalled => process::signal(child.id(), signal),
                _ => {}
            }
            signalled = true;
            thread::sleep(Duration::from_millis(10));
        }
    }
}
