//! What is mounted where, from mountinfo (proc(5)), without touching a single mount.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use plugin::Result;

use crate::Root;
use crate::root::{read_small, unreadable};

/// Longest mountinfo that is read: some hundred thousand mounts.
const LIMIT: usize = 32 << 20;

/// Types whose server sits elsewhere, and may be gone: calls on them wait for it.
const NETWORK: [&str; 22] = [
    "9p",
    "acfs",
    "afs",
    "auristorfs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "fhgfs",
    "gfs2",
    "gpfs",
    "ibrix",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "pvfs2",
    "smb3",
    "smbfs",
    "virtiofs",
];

/// Types whose statfs is the kernel's `simple_statfs`: zero blocks.
const PSEUDO: [&str; 21] = [
    "autofs",
    "binder",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "cpuset",
    "debugfs",
    "devpts",
    "fusectl",
    "mqueue",
    "nfsd",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// One line of mountinfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Number of the mount, unique while it exists.
    pub id: u64,
    /// Number of the mount it is mounted on.
    pub parent: u64,
    /// Device numbers, `major:minor`: equal for bind mounts of one file system.
    pub device: String,
    /// The folder inside the file system that is mounted: `/`, or another for bind mounts and btrfs subvolumes.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// Type, such as `ext4`, `nfs4` or `fuse.sshfs`.
    pub kind: String,
    /// What is mounted: `/dev/sda1`, `server:/export`, or a word.
    pub source: OsString,
}

impl Mount {
    /// The type is one whose server, or whose autofs daemon, can leave a caller waiting in the kernel for ever.
    pub fn can_stick(&self) -> bool {
        self.kind == "autofs"
            || self.kind == "fuse"
            || self.kind == "fuseblk"
            || self.kind.starts_with("fuse.")
            || NETWORK.contains(&self.kind.as_str())
            || self.is_remote()
    }

    /// A file system of the kernel's own data, which has no size: nothing on it can fill up.
    pub fn is_pseudo(&self) -> bool {
        PSEUDO.contains(&self.kind.as_str())
    }

    /// Remote as gnulib's `ME_REMOTE` has it, which is what `--local` of the C plugins goes by.
    pub fn is_remote(&self) -> bool {
        const KINDS: [&str; 9] =
            ["acfs", "afs", "coda", "auristorfs", "fhgfs", "gpfs", "ibrix", "ocfs2", "vxfs"];
        let source = self.source.as_bytes();
        source.contains(&b':')
            || source == b"-hosts"
            || KINDS.contains(&self.kind.as_str())
            || (source.starts_with(b"//") && ["smbfs", "smb3", "cifs"].contains(&self.kind.as_str()))
    }
}

/// All mounts that a path can reach, in the order of mountinfo. Those that a later mount hides are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mounts {
    visible: Vec<Mount>,
    /// By the bytes of the mount point, which are cheaper to hash than a path.
    by_point: HashMap<Vec<u8>, usize>,
    /// Beside each mount: it can stick itself, or a mount that can is on the way to it.
    sticky: Vec<bool>,
}

impl Mounts {
    /// The mounts of this process; below another root those of the first process there, which is the host's view.
    pub fn read(root: &Root) -> Result<Mounts> {
        let own = root.path("/proc/self/mountinfo");
        let mut path = if *root == Root::default() { own.clone() } else { root.path("/proc/1/mountinfo") };
        let bytes = read_small(&path, LIMIT).or_else(|error| {
            let elsewhere = path != own && error.kind() == std::io::ErrorKind::NotFound;
            if elsewhere {
                path.clone_from(&own);
                return read_small(&path, LIMIT);
            }
            Err(error)
        });
        match bytes {
            Ok(bytes) => Ok(Mounts::parse(&bytes)),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    /// Reads the text of mountinfo. A line that makes no sense is left out, as libmount does.
    pub fn parse(mountinfo: &[u8]) -> Mounts {
        let all: Vec<Mount> = mountinfo.split(|byte| *byte == b'\n').filter_map(line).collect();
        let hidden = hidden(&all);
        let sticky = sticky(&all);
        let mut mounts = Mounts::default();
        for (index, mount) in all.into_iter().enumerate() {
            if hidden[index] {
                continue;
            }
            mounts.by_point.insert(bytes(&mount.point).to_vec(), mounts.visible.len());
            mounts.visible.push(mount);
            mounts.sticky.push(sticky[index]);
        }
        mounts
    }

    /// Every visible mount.
    pub fn all(&self) -> &[Mount] {
        &self.visible
    }

    /// Index of the mount whose mount point is this path.
    pub fn at(&self, point: &Path) -> Option<usize> {
        let mut point = bytes(point);
        while let [rest @ .., b'/'] = point
            && !rest.is_empty()
        {
            point = rest;
        }
        self.by_point.get(point).copied()
    }

    /// Index of the mount that holds a path without symbolic links: the longest mount point it lies below.
    ///
    /// The path is compared by its parts, so `/var2` does not lie on `/var`.
    pub fn holding(&self, path: &Path) -> Option<usize> {
        path.ancestors().find_map(|part| self.at(part))
    }

    /// Whether a call on the mount can wait for ever in the kernel: it can stick, or one on the way to it can.
    pub fn can_stick(&self, index: usize) -> bool {
        self.sticky[index]
    }
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
fn line(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let id = number(words.next()?)?;
    let parent = number(words.next()?)?;
    let device = String::from_utf8(words.next()?.to_vec()).ok()?;
    let root = path(words.next()?);
    let point = words.next()?;
    // The mount point itself was removed: no path leads there.
    if point.ends_with(b"//deleted") {
        return None;
    }
    let point = path(point);
    // Options of the mount, then any number of optional fields up to a dash.
    words.find(|word| *word == b"-")?;
    let kind = String::from_utf8_lossy(&unescape(words.next()?)).into_owned();
    let source = OsString::from_vec(unescape(words.next()?));
    Some(Mount { id, parent, device, root, point, kind, source })
}

fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn path(word: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescape(word)))
}

/// Undoes [`escape`], and what the kernel escapes: blank, tab, newline, backslash and `#` as `\040` and so on.
pub fn unescape(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, after)) = rest.split_first() {
        if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) = (first, after) {
            bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    bytes
}

/// A path as one printable word, spelled as mountinfo spells it, and every byte that is not ASCII besides.
pub fn escape(path: &OsStr) -> String {
    let mut word = String::with_capacity(path.len());
    for byte in path.as_bytes() {
        if byte.is_ascii_graphic() && *byte != b'\\' {
            word.push(char::from(*byte));
        } else {
            word.push('\\');
            word.extend([byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| char::from(b'0' + digit)));
        }
    }
    word
}

// A mount is hidden when another is mounted on its own root, or on a folder of its parent on the way to it.
fn hidden(all: &[Mount]) -> Vec<bool> {
    let by_id = by_id(all);
    let on: HashSet<(u64, &[u8])> = all
        .iter()
        .filter(|mount| mount.id != mount.parent)
        .map(|mount| (mount.parent, bytes(&mount.point)))
        .collect();
    let mut unreachable: Vec<Option<bool>> = vec![None; all.len()];
    for index in 0..all.len() {
        // Up to a mount that is known, then down again: chains of mounts can be long, and no recursion is needed.
        let mut chain = Vec::new();
        let mut at = Some(index);
        while let Some(here) = at.filter(|here| unreachable[*here].is_none() && !chain.contains(here)) {
            chain.push(here);
            at = by_id.get(&all[here].parent).copied();
        }
        let mut above = at.and_then(|known| unreachable[known]).unwrap_or(false);
        for here in chain.into_iter().rev() {
            let mount = &all[here];
            let parent = by_id.get(&mount.parent).filter(|parent| **parent != here).map(|at| &all[*at]);
            above = above
                || parent.is_some_and(|parent| {
                    let end = bytes(&parent.point).len();
                    let mut on_the_way =
                        folders_above(bytes(&mount.point)).take_while(|folder| folder.len() >= end);
                    on_the_way.any(|folder| on.contains(&(mount.parent, folder)))
                });
            unreachable[here] = Some(above);
        }
    }
    all.iter()
        .zip(unreachable)
        .map(|(mount, unreachable)| {
            unreachable.unwrap_or(false) || on.contains(&(mount.id, bytes(&mount.point)))
        })
        .collect()
}

// `/a`, then `/`, of `/a/b`.
fn folders_above(point: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = (0..point.len()).rev().filter(|index| point[*index] == b'/');
    slashes.map(|index| &point[..index.max(1)]).filter(|folder| folder.len() < point.len())
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn sticky(all: &[Mount]) -> Vec<bool> {
    let by_id = by_id(all);
    let on_the_way = |mount: &Mount| {
        let mut at = Some(mount);
        // Bounded, should the numbers form a ring.
        for _ in 0..all.len() {
            match at {
                Some(mount) if mount.can_stick() => return true,
                Some(mount) => at = by_id.get(&mount.parent).map(|parent| &all[*parent]),
                None => return false,
            }
        }
        false
    };
    all.iter().map(on_the_way).collect()
}

fn by_id(all: &[Mount]) -> HashMap<u64, usize> {
    all.iter().enumerate().map(|(index, mount)| (mount.id, index)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Mount, Mounts, escape, unescape};
    use crate::Root;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    const PLAIN: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 8:1 / /mnt/a\\040b rw shared:7 master:1 - xfs /dev/sda1 rw
31 27 0:40 /@home /home rw - btrfs /dev/sdb rw,subvol=/@home
32 27 0:40 /@var /var rw - btrfs /dev/sdb rw,subvol=/@var
33 27 254:0 /srv/data /data rw - ext4 /dev/vda rw
34 27 0:50 / /mnt/nfs rw - nfs4 nas:/vol rw
35 34 8:2 / /mnt/nfs/local rw - ext4 /dev/sdc1 rw
36 27 0:51 / /net rw - autofs auto.net rw,indirect
37 27 0:52 / /mnt/back\\134slash rw propagate_from:2 unbindable - tmpfs \\x20 rw
";

    fn points(mounts: &Mounts) -> Vec<&str> {
        mounts.all().iter().map(|mount| mount.point.to_str().expect("text")).collect()
    }

    fn held(mounts: &Mounts, path: &str) -> String {
        let index = mounts.holding(Path::new(path)).expect("a mount");
        mounts.all()[index].point.to_string_lossy().into_owned()
    }

    #[test]
    fn lines_are_read_with_escapes_and_optional_fields() {
        let mounts = Mounts::parse(PLAIN.as_bytes());
        assert_eq!(
            points(&mounts),
            [
                "/proc",
                "/",
                "/mnt/a b",
                "/home",
                "/var",
                "/data",
                "/mnt/nfs",
                "/mnt/nfs/local",
                "/net",
                "/mnt/back\\slash"
            ]
        );
        let expected = Mount {
            id: 31,
            parent: 27,
            device: "0:40".into(),
            root: "/@home".into(),
            point: "/home".into(),
            kind: "btrfs".into(),
            source: "/dev/sdb".into(),
        };
        assert_eq!(mounts.all()[3], expected);
        // Only three octal digits are an escape.
        assert_eq!(mounts.all()[9].source, "\\x20");
    }

    #[test]
    fn a_path_lies_on_the_longest_mount_point() {
        let mounts = Mounts::parse(PLAIN.as_bytes());
        for (path, point) in [
            ("/", "/"),
            ("/var", "/var"),
            ("/var/lib/x", "/var"),
            ("/var2", "/"),
            ("/mnt/a b/c", "/mnt/a b"),
            ("/mnt/nfs/local/c", "/mnt/nfs/local"),
            ("/nowhere/at/all", "/"),
            ("/var//", "/var"),
            ("//", "/"),
        ] {
            assert_eq!(held(&mounts, path), point, "{path}");
        }
        assert_eq!(mounts.holding(Path::new("relative")), None);
    }

    #[test]
    fn what_can_stick_taints_what_lies_below_it() {
        let mounts = Mounts::parse(PLAIN.as_bytes());
        let sticky: Vec<&str> =
            (0..mounts.all().len()).filter(|i| mounts.can_stick(*i)).map(|i| points(&mounts)[i]).collect();
        assert_eq!(sticky, ["/mnt/nfs", "/mnt/nfs/local", "/net"]);
        let mount = |kind: &str, source: &str| {
            let line = format!("1 0 0:1 / /x rw - {kind} {source} rw");
            Mounts::parse(line.as_bytes()).all()[0].clone()
        };
        for (kind, source, sticks, remote) in [
            ("fuse.sshfs", "me@host:/x", true, true),
            ("fuse.portal", "portal", true, false),
            ("fusectl", "fusectl", false, false),
            ("9p", "share", true, false),
            ("cifs", "//nas/x", true, true),
            ("ext4", "//odd", false, false),
            ("zfs", "tank/x", false, false),
            ("ocfs2", "/dev/sda", true, true),
        ] {
            let mount = mount(kind, source);
            assert_eq!((mount.can_stick(), mount.is_remote()), (sticks, remote), "{kind}");
        }
    }

    #[test]
    fn hidden_mounts_are_left_out() {
        // /x twice, the second on top; /a/b under a later /a; a mount on what is hidden; a later one on top of all.
        let mounts = Mounts::parse(
            b"1 0 8:1 / / rw - ext4 /dev/a rw
2 1 0:2 / /x rw - tmpfs first rw
3 2 0:3 / /x rw - tmpfs second rw
4 1 0:4 / /a/b rw - tmpfs under rw
5 4 0:5 / /a/b/c rw - tmpfs deep rw
6 1 0:6 / /a rw - tmpfs over rw
7 6 0:7 / /a/d rw - tmpfs on_top rw
8 1 0:8 / /gone//deleted rw - tmpfs gone rw
",
        );
        let sources: Vec<_> = mounts.all().iter().map(|mount| mount.source.to_string_lossy()).collect();
        assert_eq!(sources, ["/dev/a", "second", "over", "on_top"]);
        assert_eq!(held(&mounts, "/a/b/c"), "/a");
    }

    #[test]
    fn a_root_on_the_root_hides_all_below_it() {
        let mounts = Mounts::parse(
            b"1 0 0:1 / / rw - rootfs rootfs rw
2 1 0:2 / /proc rw - proc proc rw
3 1 8:1 / / rw - ext4 /dev/a rw
4 3 0:2 / /proc rw - proc proc rw
",
        );
        let ids: Vec<u64> = mounts.all().iter().map(|mount| mount.id).collect();
        assert_eq!(ids, [3, 4]);
    }

    #[test]
    fn nonsense_is_left_out() {
        let text =
            b"\n1\n1 2 3\nx 0 8:1 / / rw - ext4 a rw\n1 0 8:1 / / rw\n\xff\xfe\n1 1 8:1 / / rw - ext4 a rw\n";
        assert_eq!(points(&Mounts::parse(text)), ["/"]);
        // A ring of parents ends too.
        let ring = Mounts::parse(b"1 2 8:1 / /a rw - ext4 a rw\n2 1 8:1 / /b rw - ext4 b rw\n");
        assert_eq!(ring.all().len(), 2);
    }

    #[test]
    fn escapes_go_both_ways() {
        let path = OsStr::from_bytes(b"/a b\\c\n\xffd");
        assert_eq!(escape(path), "/a\\040b\\134c\\012\\377d");
        assert_eq!(unescape(escape(path).as_bytes()), path.as_bytes());
        assert_eq!(unescape(b"\\400\\04"), b"\\400\\04");
    }

    #[test]
    fn this_machine_has_a_root() {
        let mounts = Mounts::read(&Root::default()).expect("readable");
        assert!(mounts.at(Path::new("/")).is_some());
    }

    #[test]
    fn below_another_root_the_first_process_is_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        for (process, source) in [("self", "mine"), ("1", "the_hosts")] {
            let place = folder.path().join("proc").join(process);
            std::fs::create_dir_all(&place).expect("made");
            let text = format!("1 0 8:1 / / rw - ext4 {source} rw\n");
            std::fs::write(place.join("mountinfo"), text).expect("written");
        }
        let source = || {
            let mounts = Mounts::read(&Root::at(folder.path())).expect("readable");
            mounts.all()[0].source.to_string_lossy().into_owned()
        };
        assert_eq!(source(), "the_hosts");
        std::fs::remove_file(folder.path().join("proc/1/mountinfo")).expect("removed");
        assert_eq!(source(), "mine");
    }
}
