//! The folder that the private server lives in: its data, socket, log and password.
//!
//! Normally `<data dir>/postgres`. When the server's user cannot enter that (a data directory under root's home) or its
//! path is too long for a socket, the folder is under `/var/tmp` and a note in the data directory says where.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::error::DatabaseError;
use crate::process::User;

/// A socket's whole path must stay below 108 bytes.
const LONGEST_HOME: usize = 80;
/// A log beyond this is begun anew at the next start, in bytes.
const LONGEST_LOG: u64 = 16 * 1024 * 1024;

/// The folder, owned by the server's user and closed to everybody else.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    folder: PathBuf,
    pub(crate) user: User,
}

impl Home {
    /// Chooses and makes the folder.
    pub(crate) fn make(data_dir: &Path, user: User) -> Result<Home, DatabaseError> {
        let doing = || DatabaseError::io(format!("making the data directory {}", data_dir.display()));
        DirBuilder::new().recursive(true).create(data_dir).map_err(doing())?;
        let data_dir = data_dir.canonicalize().map_err(doing())?;
        let folder = choose(&data_dir, user)?;
        let home = Home { folder, user };
        home.own_folder(&home.folder)?;
        home.own_folder(&home.sockets())?;
        Ok(home)
    }

    pub(crate) fn cluster(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    pub(crate) fn sockets(&self) -> PathBuf {
        self.folder.join("run")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps every other process of ours out as long as the file is open.
    pub(crate) fn lock(&self) -> Result<File, DatabaseError> {
        let path = self.folder.join("lock");
        let doing = || DatabaseError::io(format!("locking {}", path.display()));
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(doing())?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(DatabaseError::InUse(self.folder.clone())),
            Err(TryLockError::Error(error)) => Err(doing()(error)),
        }
    }

    /// The owner's password: made by chance once, readable by us alone.
    pub(crate) fn password(&self) -> Result<String, DatabaseError> {
        let path = self.folder.join("password");
        if let Ok(password) = fs::read_to_string(&path)
            && password.len() >= 32
        {
            return Ok(password);
        }
        let password = random_password().map_err(DatabaseError::io("making a password"))?;
        write_private(&path, &password).map_err(DatabaseError::io(format!("writing {}", path.display())))?;
        Ok(password)
    }

    /// A file with `text` that the server's user alone can read.
    pub(crate) fn hand_over(&self, name: &str, text: &str) -> Result<PathBuf, DatabaseError> {
        let path = self.folder.join(name);
        let doing = || DatabaseError::io(format!("writing {}", path.display()));
        write_private(&path, text).map_err(doing())?;
        self.own(&path)?;
        Ok(path)
    }

    /// The server's log, opened to be continued.
    pub(crate) fn open_log(&self) -> Result<File, DatabaseError> {
        let path = self.log();
        if fs::metadata(&path).is_ok_and(|log| log.len() > LONGEST_LOG) {
            fs::remove_file(&path).map_err(DatabaseError::io("removing a long log"))?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        file.map_err(DatabaseError::io(format!("opening {}", path.display())))
    }

    /// The last lines of the server's log.
    pub(crate) fn end_of_log(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().rev().take(8).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn own_folder(&self, folder: &Path) -> Result<(), DatabaseError> {
        let doing = || DatabaseError::io(format!("making {}", folder.display()));
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => self.own(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // /var/tmp is open to everybody: take no folder or link that somebody else has put there.
                let found = fs::symlink_metadata(folder).map_err(doing())?;
                if !found.is_dir() || found.uid() != self.user.uid {
                    return Err(DatabaseError::NotOurs(folder.to_owned()));
                }
                fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(doing())
            }
            Err(error) => Err(doing()(error)),
        }
    }

    fn own(&self, path: &Path) -> Result<(), DatabaseError> {
        if !self.user.other {
            return Ok(());
        }
        let owned = chown(path, Some(self.user.uid), Some(self.user.gid));
        owned.map_err(DatabaseError::io(format!("giving {} to the server's user", path.display())))
    }
}

fn choose(data_dir: &Path, user: User) -> Result<PathBuf, DatabaseError> {
    let note = data_dir.join("postgres-is-at");
    if let Ok(elsewhere) = fs::read_to_string(&note) {
        return Ok(PathBuf::from(elsewhere.trim()));
    }
    let usual = data_dir.join("postgres");
    let fits = usual.as_os_str().len() <= LONGEST_HOME;
    if fits && (!user.other || can_enter(data_dir, user)) {
        return Ok(usual);
    }
    let mut hasher = DefaultHasher::new();
    data_dir.hash(&mut hasher);
    let elsewhere = PathBuf::from(format!("/var/tmp/stocktrail-{:016x}", hasher.finish()));
    let written = write_private(&note, &elsewhere.to_string_lossy());
    written.map_err(DatabaseError::io(format!("writing {}", note.display())))?;
    tracing::warn!(
        data_dir = %data_dir.display(),
        postgres = %elsewhere.display(),
        "the server's user cannot work in the data directory: PostgreSQL keeps its data elsewhere"
    );
    Ok(elsewhere)
}

/// Whether the user may search the folder and all above it.
fn can_enter(folder: &Path, user: User) -> bool {
    folder.ancestors().all(|folder| {
        fs::metadata(folder).is_ok_and(|found| {
            let needed = if found.uid() == user.uid {
                0o100
            } else if found.gid() == user.gid {
                0o010
            } else {
                0o001
            };
            found.mode() & needed != 0
        })
    })
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn random_password() -> io::Result<String> {
    let mut bytes = [0_u8; 24];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}
