//! The private PostgreSQL server: made once, started, recovered after a crash, stopped.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use sqlx::postgres::PgConnectOptions;

use crate::binaries;
use crate::error::DatabaseError;
use crate::home::Home;
use crate::process;
use crate::supervisor::{self, Plan};

/// The owner of everything in a private server.
pub(crate) const OWNER: &str = "stocktrail";
/// Another program may take the chosen port before the server has it.
const PORT_TRIES: usize = 5;

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Durable,
    /// For tests: a crash of the machine loses everything.
    Volatile,
}

/// A running private server. Dropped, it stops.
pub(crate) struct Server {
    home: Home,
    port: u16,
    password: String,
    pid: Arc<AtomicU32>,
    running: Mutex<Option<Running>>,
    _lock: File,
}

/// The supervisor: it goes on until its sender is dropped.
struct Running {
    control: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Starts the server of this data directory, after making the cluster or ending what a crash has left running.
    /// Blocks for about a second the first time, 0.1 s later, longer when much is to be recovered.
    pub(crate) fn start(data_dir: &Path, durability: Durability) -> Result<Server, DatabaseError> {
        let user = process::server_user().ok_or(DatabaseError::NoUser)?;
        let home = Home::make(data_dir, user)?;
        let lock = home.lock()?;
        let programs = binaries::find(&home.cluster())?;
        let password = home.password()?;
        make_cluster(&home, &programs, &password, durability)?;
        end_leftovers(&home);
        let (port, pid, running) = start_on_free_port(&home, &programs, durability)?;
        tracing::info!(port, home = %home.folder().display(), "PostgreSQL runs");
        Ok(Server { home, port, password, pid, running: Mutex::new(Some(running)), _lock: lock })
    }

    /// How to connect, without a database.
    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.home.sockets())
            .port(self.port)
            .username(OWNER)
            .password(&self.password)
    }

    /// Address over loopback.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{OWNER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// Stops the server and waits for it.
    pub(crate) fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { control, thread }) = running {
            drop(control);
            if thread.join().is_err() {
                tracing::warn!("the supervisor of PostgreSQL has failed");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `initdb` into a folder beside, so that one that was interrupted is never taken for a cluster.
fn make_cluster(
    home: &Home,
    programs: &Path,
    password: &str,
    durability: Durability,
) -> Result<(), DatabaseError> {
    let cluster = home.cluster();
    if cluster.join("PG_VERSION").exists() {
        return Ok(());
    }
    let unfinished = home.folder().join("cluster.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(DatabaseError::io("removing an unfinished cluster"))?;
    }
    let password_file = home.hand_over("password.new", password)?;
    let mut initdb = Command::new(programs.join("initdb"));
    initdb.arg("--pgdata").arg(&unfinished).arg("--pwfile").arg(&password_file);
    initdb.args(["--auth=scram-sha-256", "--username", OWNER, "--encoding=UTF8"]);
    // Text compares by its bytes, which is the order of code points in UTF-8 and much faster in every index.
    initdb.args(["--locale=C.UTF-8", "--lc-collate=C"]);
    initdb.args(["--no-instructions", "--data-checksums"]);
    if durability == Durability::Volatile {
        initdb.arg("--no-sync");
    }
    drop_privileges(&mut initdb, home);
    let output = initdb.output().map_err(DatabaseError::io("running initdb"))?;
    fs::remove_file(&password_file).map_err(DatabaseError::io("removing the password for initdb"))?;
    if !output.status.success() {
        return Err(DatabaseError::NotStarted(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    fs::rename(&unfinished, &cluster).map_err(DatabaseError::io("naming the new cluster"))
}

/// After a crash of ours or of the server, processes may still work in the cluster. We hold the lock, so they are
/// nobody's: an orphaned server is asked to stop, the rest is killed, and the files of the dead are removed.
fn end_leftovers(home: &Home) {
    let cluster = home.cluster();
    let recorded = supervisor::recorded_pid(&cluster);
    let left = process::working_in(&cluster);
    if let Some(orphan) = recorded.filter(|pid| left.contains(pid)) {
        tracing::warn!(pid = orphan, "stopping a PostgreSQL that an earlier process has left behind");
        process::signal(orphan, process::FAST_SHUTDOWN);
        wait_until_empty(&cluster, Duration::from_secs(10));
    }
    for pid in process::working_in(&cluster) {
        process::signal(pid, process::KILL);
    }
    wait_until_empty(&cluster, Duration::from_secs(10));
    // A process id in these files may by now belong to somebody else, and PostgreSQL would wait for that one.
    let _absent = fs::remove_file(cluster.join("postmaster.pid"));
    for socket in fs::read_dir(home.sockets()).into_iter().flatten().flatten() {
        let _absent = fs::remove_file(socket.path());
    }
}

fn wait_until_empty(cluster: &Path, patience: Duration) {
    let begun = Instant::now();
    while !process::working_in(cluster).is_empty() && begun.elapsed() < patience {
        thread::sleep(Duration::from_millis(20));
    }
}

fn start_on_free_port(
    home: &Home,
    programs: &Path,
    durability: Durability,
) -> Result<(u16, Arc<AtomicU32>, Running), DatabaseError> {
    let mut tries = 1;
    loop {
        let port = free_port().map_err(DatabaseError::io("finding a free port"))?;
        let plan = plan(home, programs, port, durability);
        match start_supervisor(plan) {
            Ok((pid, running)) => return Ok((port, pid, running)),
            Err(DatabaseError::NotStarted(log))
                if tries < PORT_TRIES && log.contains("Address already in use") =>
            {
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The thread that starts the server stays: its death signal is tied to that thread.
fn start_supervisor(plan: Plan) -> Result<(Arc<AtomicU32>, Running), DatabaseError> {
    let pid = Arc::new(AtomicU32::new(0));
    let (control, told) = mpsc::channel();
    let (started, ready) = mpsc::channel();
    let seen = Arc::clone(&pid);
    let thread = thread::Builder::new().name("postgres".to_owned());
    let thread = thread.spawn(move || supervisor::run(&plan, &seen, &told, &started));
    let thread = thread.map_err(DatabaseError::io("starting the supervisor"))?;
    match ready.recv() {
        Ok(Ok(())) => Ok((pid, Running { control, thread })),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(DatabaseError::Interrupted),
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn plan(home: &Home, programs: &Path, port: u16, durability: Durability) -> Plan {
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", home.sockets().display()),
        "unix_socket_permissions=0700".to_owned(),
    ];
    let common =
        ["jit=off", "timezone=UTC", "log_timezone=UTC", "max_wal_size=4GB", "checkpoint_timeout=15min"];
    let tuned =
        ["random_page_cost=1.1", "work_mem=16MB", "maintenance_work_mem=128MB", "effective_cache_size=1GB"];
    let kept = match durability {
        Durability::Durable => [
            "fsync=on",
            "full_page_writes=on",
            "wal_compression=off",
            "shared_buffers=256MB",
            "max_connections=100",
        ],
        Durability::Volatile => [
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
            "shared_buffers=128MB",
            "max_connections=400",
        ],
    };
    settings.extend(common.into_iter().chain(tuned).chain(kept).map(str::to_owned));
    Plan { program: programs.join("postgres"), settings, home: home.clone() }
}

/// Runs a program as the server's user, in a group of its own (Ctrl-C is for us), and stops it when we die.
pub(crate) fn drop_privileges(command: &mut Command, home: &Home) {
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").env("TZ", "UTC");
    command.current_dir(PathBuf::from("/")).process_group(0);
    if home.user.other {
        command.gid(home.user.gid).uid(home.user.uid);
    }
    process::stop_with_parent(command);
}
