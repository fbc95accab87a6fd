//! Mounts of a test's own, in a mount namespace of its own: nobody else on the machine sees them.

use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Runs a test on a thread with its own mount namespace. Programs it starts are in it too; it ends with them.
///
/// Panics when this user may not make one.
pub fn in_own_namespace(test: impl FnOnce() + Send) {
    let run = || {
        unshare(CloneFlags::CLONE_NEWNS).expect("make a mount namespace: this test needs root");
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("keep mounts to ourselves");
        test();
    };
    std::thread::scope(|scope| {
        if let Err(panic) = scope.spawn(run).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Mounts a tmpfs with options such as `size=16m` on a folder, which is made if needed.
pub fn tmpfs(point: &Path, options: &str) {
    std::fs::create_dir_all(point).expect("make a mount point");
    mount(Some("tmpfs"), point, Some("tmpfs"), MsFlags::empty(), Some(options))
        .unwrap_or_else(|error| panic!("mount tmpfs on {}: {error}", point.display()));
}

/// A file of so many bytes, all of them on the disk.
pub fn fill(file: &Path, bytes: usize) {
    std::fs::write(file, vec![b'x'; bytes])
        .unwrap_or_else(|error| panic!("write {}: {error}", file.display()));
}
