//! A FUSE file system of a test: one that is well, one that never answers, one that answers with errors.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use fuser::{
    AccessFlags, BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, Generation,
    INodeNo, MountOption, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyStatfs, Request, Session,
    SessionACL,
};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

const CONNECTIONS: &str = "/sys/fs/fuse/connections";
const FOLDER: u64 = 2;
const LINK: u64 = 3;
/// The kernel asks each time.
const TTL: Duration = Duration::ZERO;

/// How it behaves behind its mount point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// 8 GiB, 6 of them used, and 100 inodes; holds `folder` and `link`.
    Well,
    /// Takes every question and never answers.
    Dead,
    /// Answers every question with an I/O error.
    Broken,
}

/// A mounted file system of type `fuse`. On drop its connection is cut, which frees everybody who waits for it.
pub struct Fuse {
    point: PathBuf,
    connection: PathBuf,
    target: Arc<Mutex<OsString>>,
    session: Option<BackgroundSession>,
}

impl Fuse {
    /// Mounts it, in a namespace of the calling thread's own: a dead one would stop the whole machine.
    ///
    /// Panics where there is no FUSE: the tests of dead mounts mean nothing without.
    pub fn mount(point: &Path, source: &str, manner: Manner) -> Fuse {
        assert!(Path::new("/dev/fuse").exists(), "/dev/fuse is missing: dead mounts cannot be tested here");
        std::fs::create_dir_all(point).expect("make a mount point");
        if std::fs::read_dir(CONNECTIONS).expect("the kernel knows FUSE").next().is_none() {
            mount(Some("fusectl"), CONNECTIONS, Some("fusectl"), MsFlags::empty(), None::<&str>)
                .expect("mount fusectl");
        }
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName(source.to_owned())];
        config.acl = SessionACL::All;
        let target = Arc::new(Mutex::new(OsString::from("folder")));
        let files = Files { manner, target: target.clone() };
        let session = Session::new(files, point, &config).expect("mount FUSE").spawn().expect("serve FUSE");
        let connection = Path::new(CONNECTIONS).join(minor(point)).join("abort");
        Fuse { point: point.to_owned(), connection, target, session: Some(session) }
    }

    /// Where it is mounted.
    pub fn point(&self) -> &Path {
        &self.point
    }

    /// Where its `link` leads.
    pub fn link_to(&self, target: &str) {
        *self.target.lock().expect("not poisoned") = target.into();
    }

    /// Cuts the connection: the mount stays, nobody is behind it.
    pub fn abort(&self) {
        std::fs::write(&self.connection, "1").expect("abort the connection");
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        // Each may have happened already, and a drop must not panic.
        let _gone = std::fs::write(&self.connection, "1");
        let _gone = umount2(&self.point, MntFlags::MNT_DETACH);
        if let Some(session) = self.session.take() {
            let _ended = session.umount_and_join();
        }
    }
}

// The second number of its device is the name of its connection. The table is this thread's, not the process's.
fn minor(point: &Path) -> String {
    let table = std::fs::read_to_string("/proc/thread-self/mountinfo").expect("readable");
    let line = table.lines().find(|line| line.split(' ').nth(4).map(Path::new) == Some(point));
    let device = line.and_then(|line| line.split(' ').nth(2)).expect("it is mounted");
    device.split(':').nth(1).expect("two numbers").to_owned()
}

struct Files {
    manner: Manner,
    target: Arc<Mutex<OsString>>,
}

/// What every kind of reply has.
trait Reply: Sized {
    fn fail(self, error: Errno);
}

macro_rules! reply {
    ($($kind:ty),*) => { $(impl Reply for $kind { fn fail(self, error: Errno) { self.error(error); } })* };
}
reply!(ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyStatfs);

impl Files {
    fn answer<R: Reply>(&self, reply: R, well: impl FnOnce(R)) {
        match self.manner {
            Manner::Well => well(reply),
            Manner::Broken => reply.fail(Errno::EIO),
            // Dropping it would be an answer.
            Manner::Dead => std::mem::forget(reply),
        }
    }
}

impl Filesystem for Files {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.answer(reply, |reply| match name.to_str() {
            Some("folder") => reply.entry(&TTL, &attributes(FOLDER, FileType::Directory), Generation(0)),
            Some("link") => reply.entry(&TTL, &attributes(LINK, FileType::Symlink), Generation(0)),
            _ => reply.error(Errno::ENOENT),
        });
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let kind = if inode.0 == LINK { FileType::Symlink } else { FileType::Directory };
        self.answer(reply, |reply| reply.attr(&TTL, &attributes(inode.0, kind)));
    }

    fn readlink(&self, _: &Request, _: INodeNo, reply: ReplyData) {
        let target = self.target.lock().expect("not poisoned").clone();
        self.answer(reply, |reply| reply.data(target.as_encoded_bytes()));
    }

    fn access(&self, _: &Request, _: INodeNo, _: AccessFlags, reply: ReplyEmpty) {
        self.answer(reply, ReplyEmpty::ok);
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let gib = (1 << 30) / 4096;
        self.answer(reply, |reply| reply.statfs(8 * gib, 2 * gib, 2 * gib, 100, 40, 4096, 255, 4096));
    }
}

fn attributes(inode: u64, kind: FileType) -> FileAttr {
    let time = SystemTime::UNIX_EPOCH;
    FileAttr {
        ino: INodeNo(inode),
        size: 0,
        blocks: 0,
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind,
        perm: 0o755,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}
