//! A folder that becomes an archive: what is in it has modes and times of its own, whatever the umask and the clock.

use super::{Profile, Release};
use crate::shell::{self, Result, command};
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

pub struct Stage {
    root: PathBuf,
    epoch: u64,
    profile: Profile,
}

impl Stage {
    /// An empty one; what was there is removed.
    pub fn new(root: &Path, release: &Release) -> Result<Stage> {
        if root.exists() {
            std::fs::remove_dir_all(root).map_err(|error| failed("remove", root, &error))?;
        }
        super::make_folder(root)?;
        Ok(Stage { root: root.to_owned(), epoch: release.epoch, profile: release.profile })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Copies programs into a folder, without the symbols that quick builds have.
    pub fn programs<'a>(&self, programs: impl IntoIterator<Item = &'a Path>, folder: &str) -> Result<()> {
        let mut strip = command("strip", &["--strip-unneeded"]);
        for from in programs {
            let name = from.file_name().unwrap_or_default().to_string_lossy();
            strip.arg(self.copy(from, &format!("{folder}/{name}"), 0o755)?);
        }
        // Cargo has stripped a release, for targets too that this machine's strip does not know.
        if self.profile == Profile::Quick { shell::run(&mut strip) } else { Ok(()) }
    }

    /// Copies a file that nobody executes.
    pub fn file(&self, from: &Path, to: &str) -> Result<()> {
        self.copy(from, to, 0o644).map(drop)
    }

    /// Copies the files of a folder and of those below it.
    pub fn folder(&self, from: &Path, to: &str) -> Result<()> {
        for path in sorted(from)? {
            let to = format!("{to}/{}", path.file_name().unwrap_or_default().to_string_lossy());
            if path.is_dir() { self.folder(&path, &to)? } else { self.file(&path, &to)? }
        }
        Ok(())
    }

    /// Writes a file.
    pub fn text(&self, text: &str, to: &str, mode: u32) -> Result<()> {
        let place = self.place(to)?;
        std::fs::write(&place, text).map_err(|error| failed("write", &place, &error))?;
        set_mode(&place, mode)
    }

    /// Compresses a file that is there, without a name or a time in it.
    pub fn gzip(&self, file: &str) -> Result<()> {
        shell::run(command("gzip", &["-n", "-9"]).arg(self.root.join(file)))
    }

    /// Every file, from the root of the stage, sorted.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        walk(&self.root, &mut |path| {
            if path.is_file() {
                files.push(path.strip_prefix(&self.root).unwrap_or(path).to_owned());
            }
            Ok(())
        })?;
        Ok(files)
    }

    /// Gives folders their mode and everything its time: the last step before it is packed.
    pub fn seal(&self) -> Result<()> {
        let time = UNIX_EPOCH + Duration::from_secs(self.epoch);
        walk(&self.root, &mut |path| {
            if path.is_dir() {
                set_mode(path, 0o755)?;
            }
            let set = File::open(path).and_then(|file| file.set_modified(time));
            set.map_err(|error| failed("set the time of", path, &error))
        })
    }

    /// Packs it, the names at its top being those of the archive.
    pub fn tar(&self, archive: &Path) -> Result<PathBuf> {
        self.seal()?;
        let (gzip, time) = (self.gzip_command(), format!("--mtime=@{}", self.epoch));
        let mut tar =
            command("tar", &["--create", "--format=ustar", "--sort=name", "--owner=0", "--group=0"]);
        tar.args(["--numeric-owner", &time, &format!("--use-compress-program={gzip}")]);
        tar.arg("--file").arg(archive).arg("--directory").arg(&self.root);
        // By name: `.` would put a `./` in front of every one.
        for path in sorted(&self.root)? {
            tar.arg(path.file_name().unwrap_or_default());
        }
        shell::run(&mut tar)?;
        Ok(archive.to_owned())
    }

    fn gzip_command(&self) -> &'static str {
        match self.profile {
            Profile::Release => "gzip -n -9",
            Profile::Quick => "gzip -n -1",
        }
    }

    fn copy(&self, from: &Path, to: &str, mode: u32) -> Result<PathBuf> {
        let to = self.place(to)?;
        std::fs::copy(from, &to).map_err(|error| failed("copy", from, &error))?;
        set_mode(&to, mode)?;
        Ok(to)
    }

    // Where a file goes, its folders made.
    fn place(&self, to: &str) -> Result<PathBuf> {
        let place = self.root.join(to);
        super::make_folder(place.parent().unwrap_or(&self.root))?;
        Ok(place)
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    let set = std::fs::set_permissions(path, Permissions::from_mode(mode));
    set.map_err(|error| failed("set the mode of", path, &error))
}

// A folder after what is in it, so that its time stays.
fn walk(path: &Path, visit: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    if path.is_dir() {
        for path in sorted(path)? {
            walk(&path, visit)?;
        }
    }
    visit(path)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.map_err(|error| failed("read", folder, &error))?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("{what} {}: {error}", path.display())
}
