//! Memory limits of control groups: cgroup-v2.rst and cgroup-v1/memory.rst of the kernel's documentation.

use std::path::{Path, PathBuf};

use plugin::{Failure, Reason, Result};

use crate::Root;
use crate::root::{read_small, text_of, unreadable};

/// A control group whose memory is limited. Sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// Its path in the hierarchy: `/system.slice/nginx.service`; `/` is the container's own.
    pub path: String,
    /// `memory.max`, in version 1 `memory.limit_in_bytes`.
    pub limit: u64,
    /// What counts against the limit and cannot be given back at once: usage without inactive page cache, as container
    /// runtimes count it.
    pub used: u64,
}

impl Limited {
    /// What is left below the limit.
    pub fn available(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

// The files of one version, and where it is mounted.
struct Files {
    mount: &'static str,
    limit: &'static str,
    usage: &'static str,
    /// Line of memory.stat: page cache that has not been touched lately, in this group and below.
    inactive: &'static str,
}

const V2: Files = Files {
    mount: "/sys/fs/cgroup",
    limit: "memory.max",
    usage: "memory.current",
    inactive: "inactive_file",
};
const V1: Files = Files {
    mount: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    inactive: "total_inactive_file",
};

/// Version 1 writes "no limit" as the greatest multiple of the page size; no machine has 4 EiB.
const UNLIMITED: u64 = 1 << 62;

/// Longest file of a control group: memory.stat is some 3 kB.
const LIMIT: usize = 64 << 10;

/// The group with the least memory left: `path`, or this process's own without one, or one above it. None where no limit
/// is set.
pub fn tightest(root: &Root, path: Option<&str>) -> Result<Option<Limited>> {
    let own = root.read_if_there("/proc/self/cgroup")?.unwrap_or_default();
    let (files, own) = place(root, &own);
    let mount = root.path(files.mount);
    let group = match path {
        Some(path) => inside(path)
            .filter(|group| mount.join(group).is_dir())
            .ok_or_else(|| root.garbled(files.mount, format_args!("no control group `{path}`")))?,
        // Without a cgroup namespace a container sees the host's path, and its own group in the place of the root.
        None => inside(own).filter(|group| mount.join(group).is_dir()).unwrap_or_default(),
    };
    let mut tightest: Option<Limited> = None;
    for level in group.ancestors() {
        let Some(limited) = limited(&mount, level, files)? else { continue };
        if tightest.as_ref().is_none_or(|least| limited.available() < least.available()) {
            tightest = Some(limited);
        }
    }
    Ok(tightest)
}

// The version that limits memory here, and this process's path in it.
fn place<'t>(root: &Root, own: &'t str) -> (&'static Files, &'t str) {
    // `4:memory:/path` in version 1 and in hybrid set-ups, `0::/path` in version 2 (cgroups(7)).
    let path_of = |wanted: fn(&str, &str) -> bool| {
        own.lines().find_map(|line| {
            let (id, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            wanted(id, controllers).then_some(path)
        })
    };
    let v1 = path_of(|_, controllers| controllers.split(',').any(|name| name == "memory"));
    match v1 {
        _ if root.path("/sys/fs/cgroup/cgroup.controllers").exists() => {
            (&V2, path_of(|id, _| id == "0").unwrap_or_default())
        }
        Some(path) => (&V1, path),
        None if root.path(V1.mount).exists() => (&V1, ""),
        None => (&V2, path_of(|id, _| id == "0").unwrap_or_default()),
    }
}

// A path below the mount; none for one that climbs out, as a group outside of the own namespace shows.
fn inside(path: &str) -> Option<PathBuf> {
    let path = Path::new(path.trim_start_matches('/'));
    path.components().all(|part| matches!(part, std::path::Component::Normal(_))).then(|| path.to_owned())
}

fn limited(mount: &Path, group: &Path, files: &Files) -> Result<Option<Limited>> {
    let folder = mount.join(group);
    // The root of version 2 has none of these files.
    let Some(limit) = read(&folder.join(files.limit))? else { return Ok(None) };
    if limit.trim() == "max" {
        return Ok(None);
    }
    let limit = number(&folder.join(files.limit), &limit)?;
    if limit >= UNLIMITED {
        return Ok(None);
    }
    let usage_file = folder.join(files.usage);
    let usage = read(&usage_file)?.ok_or_else(|| garbled(&usage_file, "it does not exist"))?;
    let usage = number(&usage_file, &usage)?;
    let stat = read(&folder.join("memory.stat"))?.unwrap_or_default();
    let inactive =
        stat.lines().find_map(|line| line.strip_prefix(files.inactive)?.trim().parse::<u64>().ok());
    let path = format!("/{}", group.display());
    Ok(Some(Limited { path, limit, used: usage.saturating_sub(inactive.unwrap_or(0)) }))
}

fn read(path: &Path) -> Result<Option<String>> {
    match read_small(path, LIMIT) {
        Ok(bytes) => Ok(Some(text_of(bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn number(path: &Path, text: &str) -> Result<u64> {
    text.trim().parse().map_err(|_| garbled(path, &format!("no number: `{}`", text.trim())))
}

fn garbled(path: &Path, what: &str) -> Failure {
    Failure::new(Reason::Internal, format!("read {}: {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Limited, tightest};
    use crate::Root;
    use std::fs;

    fn fixture(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Root::at(folder.path());
        for (file, text) in files {
            let path = root.path(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(path, text).expect("written");
        }
        (folder, root)
    }

    fn limited(path: &str, limit: u64, used: u64) -> Limited {
        Limited { path: path.into(), limit, used }
    }

    #[test]
    fn version_2_takes_the_level_with_least_left() {
        let (_folder, root) = fixture(&[
            ("/proc/self/cgroup", "0::/a.slice/b.service\n"),
            ("/sys/fs/cgroup/cgroup.controllers", "memory\n"),
            ("/sys/fs/cgroup/a.slice/memory.max", "1000\n"),
            ("/sys/fs/cgroup/a.slice/memory.current", "900\n"),
            ("/sys/fs/cgroup/a.slice/memory.stat", "anon 1\ninactive_file 50\n"),
            ("/sys/fs/cgroup/a.slice/b.service/memory.max", "500\n"),
            ("/sys/fs/cgroup/a.slice/b.service/memory.current", "100\n"),
            ("/sys/fs/cgroup/a.slice/free.service/memory.max", "max\n"),
        ]);
        assert_eq!(tightest(&root, None), Ok(Some(limited("/a.slice", 1000, 850))));
        assert_eq!(tightest(&root, Some("/a.slice/free.service")), Ok(Some(limited("/a.slice", 1000, 850))));
        let failure = tightest(&root, Some("gone.service")).expect_err("no such group");
        assert!(failure.message.ends_with("/sys/fs/cgroup: no control group `gone.service`"), "{failure}");
        assert!(tightest(&root, Some("a.slice/../../etc")).is_err());
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        for own in ["0::/\n", "0::/docker/0123\n", "0::/../../other\n", ""] {
            let (_folder, root) = fixture(&[
                ("/proc/self/cgroup", own),
                ("/sys/fs/cgroup/cgroup.controllers", "memory\n"),
                ("/sys/fs/cgroup/memory.max", "4096\n"),
                ("/sys/fs/cgroup/memory.current", "1024\n"),
            ]);
            assert_eq!(tightest(&root, None), Ok(Some(limited("/", 4096, 1024))), "{own:?}");
        }
    }

    #[test]
    fn version_1_and_hybrids() {
        let (_folder, root) = fixture(&[
            ("/proc/self/cgroup", "5:cpu,memory:/svc\n0::/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "7\n"),
            ("/sys/fs/cgroup/memory/svc/memory.limit_in_bytes", "100\n"),
            ("/sys/fs/cgroup/memory/svc/memory.usage_in_bytes", "30\n"),
            ("/sys/fs/cgroup/memory/svc/memory.stat", "inactive_file 1\ntotal_inactive_file 10\n"),
        ]);
        assert_eq!(tightest(&root, None), Ok(Some(limited("/svc", 100, 20))));
        assert_eq!(tightest(&root, Some("/")), Ok(None));
    }

    #[test]
    fn no_limit_no_group_and_nonsense() {
        assert_eq!(tightest(&fixture(&[]).1, None), Ok(None));
        let (_folder, root) = fixture(&[
            ("/sys/fs/cgroup/cgroup.controllers", ""),
            ("/sys/fs/cgroup/memory.max", "plenty\n"),
            ("/sys/fs/cgroup/half/memory.max", "5\n"),
        ]);
        let failure = tightest(&root, None).expect_err("no number");
        assert!(failure.message.ends_with("/sys/fs/cgroup/memory.max: no number: `plenty`"), "{failure}");
        let failure = tightest(&root, Some("half")).expect_err("no usage");
        assert!(failure.message.ends_with("half/memory.current: it does not exist"), "{failure}");
    }
}
