//! The few things that only the operating system can do: signals, users, and who works in a folder.
#![expect(unsafe_code, reason = "prctl and kill have no safe form in the standard library")]

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Asks PostgreSQL to end its sessions, write everything and exit.
pub(crate) const FAST_SHUTDOWN: i32 = libc::SIGINT;
/// Asks PostgreSQL to exit now; the next start recovers.
pub(crate) const IMMEDIATE_SHUTDOWN: i32 = libc::SIGQUIT;
/// Ends a process without asking.
pub(crate) const KILL: i32 = libc::SIGKILL;

/// Lets the process be told to stop when the thread that starts it ends, also when we are killed. That thread must
/// live as long as the process shall.
pub(crate) fn stop_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let tie = move || {
        // SAFETY: both calls are async-signal-safe and touch no memory.
        let orphaned = unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT);
            u32::try_from(libc::getppid()).ok() != Some(parent)
        };
        if orphaned { Err(io::Error::from(io::ErrorKind::BrokenPipe)) } else { Ok(()) }
    };
    // SAFETY: the closure runs between fork and exec, allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(tie);
    }
}

/// Sends a signal; a process that is gone is fine.
pub(crate) fn signal(pid: u32, signal: i32) {
    if let Ok(pid) = i32::try_from(pid) {
        // SAFETY: kill takes two numbers.
        unsafe {
            libc::kill(pid, signal);
        }
    }
}

/// A user that a server can run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Whether it is another than ours.
    pub(crate) other: bool,
}

/// Ourselves; `postgres`, else `nobody`, when we are root. None when there is neither.
pub(crate) fn server_user() -> Option<User> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let (uid, gid) = (effective("Uid:")?, effective("Gid:")?);
    if uid != 0 {
        return Some(User { uid, gid, other: false });
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"].into_iter().find_map(|name| {
        let mut fields = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
        let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(User { uid, gid, other: true })
    })
}

/// Processes whose working directory is `folder`: every process of a PostgreSQL server works in its data directory.
pub(crate) fn working_in(folder: &Path) -> Vec<u32> {
    let Ok(folder) = folder.canonicalize() else { return Vec::new() };
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id())
        .collect()
}
