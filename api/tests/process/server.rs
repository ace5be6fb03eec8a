//! A running `stocktrail serve` with a durable PostgreSQL of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::StatusCode;

/// How long a start, with recovery, may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A data directory that the server's user can enter; removed in the end.
pub(crate) struct DataDir(pub(crate) PathBuf);

impl DataDir {
    pub(crate) fn make() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("stocktrail-process-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.0);
    }
}

/// The process. Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    /// Where it listens, `http://127.0.0.1:…`.
    pub(crate) url: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts it on a free port and waits until it is ready. `filter` says what it logs.
    pub(crate) async fn start(folder: &Path, filter: &str) -> Self {
        Self::start_with(folder, &[("STOCKTRAIL_LOG", filter)]).await
    }

    /// The same with these settings in its environment.
    pub(crate) async fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let started = Self::launch(folder, settings).await;
        let server = started.unwrap_or_else(|log| panic!("it does not listen: {log}"));
        server.ready().await;
        server
    }

    /// The same as soon as it listens; what it has logged where it ends before.
    pub(crate) async fn launch(folder: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        let mut child =
            command(folder, settings).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().unwrap(), &log);
        collect(child.stderr.take().unwrap(), &log);
        let mut server = Self { child, folder: folder.to_owned(), url: String::new(), log };
        server.url = format!("http://{}", server.address().await?);
        Ok(server)
    }

    async fn address(&mut self) -> Result<String, String> {
        let begun = Instant::now();
        loop {
            let found = self.log().lines().find_map(|line| {
                let (_, rest) = line.split_once("listening addr=")?;
                rest.split_whitespace().next().map(str::to_owned)
            });
            if let Some(address) = found {
                return Ok(address);
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || begun.elapsed() > PATIENCE {
                return Err(format!("{ended:?}: {}", self.log()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&self) {
        let (begun, http) = (Instant::now(), reqwest::Client::new());
        let url = format!("{}/health/ready", self.url);
        while !http.get(&url).send().await.is_ok_and(|answer| answer.status() == StatusCode::OK) {
            assert!(begun.elapsed() < PATIENCE, "it is not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it where it stands (`SIGSTOP`), until [`Server::go_on`].
    pub(crate) fn halt(&self) {
        send("-STOP", &self.pid().to_string());
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        send("-CONT", &self.pid().to_string());
    }

    /// Sum of a metric over all its labels.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = reqwest::get(format!("{}/metrics", self.url)).await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -9` of its PostgreSQL.
    pub(crate) fn kill_postgres(&self) {
        let file = self.folder.join("postgres/cluster/postmaster.pid");
        let pid = fs::read_to_string(file).unwrap();
        send("-KILL", pid.lines().next().unwrap());
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(self) -> String {
        self.terminate();
        self.ended()
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        send("-TERM", &self.pid().to_string());
    }

    /// Waits until it has stopped as it was asked to.
    pub(crate) fn ended(mut self) -> String {
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}: {}", self.log());
        self.log()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// The program, told to serve on a free port.
pub(crate) fn command(folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stocktrail"));
    command
        .args(["serve", "--addr", "127.0.0.1:0", "--rate-limit", "off", "--data-dir"])
        .arg(folder)
        .env_remove("DATABASE_URL")
        .env_remove("KAFKA_BROKERS")
        .envs(settings.iter().copied());
    command
}

pub(crate) fn send(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

fn collect(pipe: impl std::io::Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
}
