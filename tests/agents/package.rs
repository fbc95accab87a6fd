//! The Debian package, installed in a scratch root; the tarball and the Sensu asset.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use catalog::PLUGINS;
use nix::sys::statvfs::{FsFlags, statvfs};
use tempfile::TempDir;
use testkit::{Netns, Run, plugin, run};

/// Where the package has its plugins, and monitoring-plugins its own.
const PLUGIN_DIR: &str = "usr/lib/nagios/plugins";
/// The time of everything that is packed here.
const EPOCH: &str = "1700000000";
/// For what compresses and unpacks, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);
const SBIN: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// Users without rights: everybody's, and the one that agents run as.
const USERS: [&str; 2] = ["nobody", "nagios"];

/// The root of a file system in which the package is installed beside the C plugins, made once for all tests of this program:
/// `installed().join("usr/lib/nagios/plugins/check-tcp")`, `installed().join("usr/bin/mdd")`. Everybody may read it; it is
/// removed when this program ends.
pub fn installed() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = scratch().join("root");
        install(&root);
        root
    })
}

/// The folder of the installed plugins.
pub fn plugin_dir() -> PathBuf {
    installed().join(PLUGIN_DIR)
}

/// What `cargo xtask dist` makes of the programs that are tested here.
fn made() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let out = scratch().join("made");
        dist(&out, "022", "UTC");
        out
    })
}

fn dist(out: &Path, umask: &str, zone: &str) {
    let xtask = plugin("xtask");
    let ran = Run::new("/bin/sh")
        .args(["-c", "umask \"$0\"; exec \"$@\"", umask])
        .args([&xtask, Path::new("dist"), Path::new("--programs")])
        .args([xtask.parent().expect("a program is in a folder"), Path::new("--out"), out])
        .args(["--profile", "quick", "--url-base", "https://assets.example.net/verdigris/"])
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env("TZ", zone)
        .limit(PATIENCE)
        .go();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

/// A folder of this program's own, where programs can have capabilities and everybody can start them.
fn scratch() -> &'static Path {
    static FOLDER: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let make = || {
        let places =
            [std::env::temp_dir(), "/var/tmp".into(), "/opt".into(), env!("CARGO_TARGET_TMPDIR").into()];
        let mut refused = Vec::new();
        for place in places {
            match with_capabilities(&place) {
                Ok(folder) => {
                    let folder = folder.keep();
                    let remover = remover(&folder);
                    return (folder, remover);
                }
                Err(why) => refused.push(format!("{}: {why}", place.display())),
            }
        }
        panic!("nowhere can a program have capabilities: {}", refused.join("; "));
    };
    &FOLDER.get_or_init(make).0
}

fn with_capabilities(place: &Path) -> Result<TempDir, String> {
    let folder = TempDir::with_prefix_in("verdigris-package-", place).map_err(|error| error.to_string())?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))
        .map_err(|error| error.to_string())?;
    let flags = statvfs(folder.path()).map_err(|error| error.to_string())?.flags();
    if flags.contains(FsFlags::ST_NOSUID) {
        return Err("mounted nosuid".into());
    }
    let copy = folder.path().join("true");
    fs::copy("/bin/true", &copy).map_err(|error| error.to_string())?;
    for ran in [
        Run::new("setcap").args([Path::new("cap_net_raw+ep"), &copy]).env("PATH", SBIN).go(),
        as_user("nobody", &copy).go(),
    ] {
        if ran.code != Some(0) {
            return Err(format!("{}{}", ran.stdout, ran.stderr).trim().to_owned());
        }
    }
    fs::remove_file(&copy).map_err(|error| error.to_string())?;
    Ok(folder)
}

/// Removes the folder when this program has ended, however it does: then its input ends.
fn remover(folder: &Path) -> Child {
    Command::new("/bin/sh")
        .args(["-c", "read -r _; rm -rf -- \"$0\""])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("start a shell")
}

/// Installs the package with a dpkg database of its own, in which the package's dependencies and the C plugins are what they are on
/// this machine: dpkg itself refuses what they do not fulfil, and files that belong to others.
fn install(root: &Path) {
    let database = root.join("var/lib/dpkg");
    for folder in ["info", "updates"] {
        fs::create_dir_all(database.join(folder)).expect("make the database");
    }
    let mut packages: Vec<String> = field("Depends").split(", ").map(first_word).collect();
    packages.extend(["monitoring-plugins-basic".into(), "monitoring-plugins-standard".into()]);
    let mut status = String::new();
    for package in packages {
        let said = run("dpkg-query", ["--status", &package]);
        assert_eq!(said.code, Some(0), "{said:?}");
        status += &said.stdout;
        status.push('\n');
        let native = format!("{package}:{}", arch());
        for name in [&package, &native]
            .into_iter()
            .flat_map(|name| [format!("{name}.list"), format!("{name}.md5sums")])
        {
            let file = Path::new("/var/lib/dpkg/info").join(&name);
            if file.is_file() {
                fs::copy(file, database.join("info").join(name)).expect("copy what dpkg knows of a package");
            }
        }
    }
    fs::write(database.join("status"), status).expect("write the database");
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("open the root");
    let mut folder = root.to_owned();
    for part in PLUGIN_DIR.split('/') {
        folder.push(part);
        fs::create_dir(&folder).expect("make a folder for the C plugins");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("open it");
    }
    for file in c_plugins() {
        fs::copy(Path::new("/").join(&file), root.join(&file)).expect("copy a C plugin");
    }

    let ran = dpkg(root).args([Path::new("--install"), &package()]).go();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
}

fn dpkg(root: &Path) -> Run {
    let root = format!("--root={}", root.display());
    Run::new("dpkg")
        .args([&root, "--force-script-chrootless", "--log=/dev/null"])
        .env("PATH", SBIN)
        .limit(PATIENCE)
}

fn package() -> PathBuf {
    made().join(format!("verdigris_{}_{}.deb", env!("CARGO_PKG_VERSION"), arch()))
}

fn arch() -> String {
    run("dpkg", ["--print-architecture"]).stdout.trim().to_owned()
}

fn field(name: &str) -> String {
    let ran = Run::new("dpkg-deb").args(["--field".as_ref(), package().as_os_str(), name.as_ref()]).go();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.trim().to_owned()
}

fn first_word(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// A program run by a user without rights, in an empty environment.
fn as_user(user: &str, program: &Path) -> Run {
    Run::new("/usr/bin/setpriv").args(user_args(user)).args([program]).env_clear()
}

fn user_args(user: &str) -> Vec<String> {
    let group = run("id", ["-gn", user]).stdout;
    vec![format!("--reuid={user}"), format!("--regid={}", group.trim()), "--clear-groups".into()]
}

/// Every file under a folder, from there.
fn files_under(root: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("read a folder") {
            let path = entry.expect("read a folder").path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root).expect("it is in the root").to_owned());
            }
        }
    }
    files
}

/// The plugins of monitoring-plugins, from the root.
fn c_plugins() -> BTreeSet<PathBuf> {
    let listed =
        run("dpkg-query", ["--listfiles", "monitoring-plugins-basic", "monitoring-plugins-standard"]).stdout;
    let files = listed.lines().map(|line| PathBuf::from(line.trim_start_matches('/')));
    files.filter(|file| file.starts_with(PLUGIN_DIR) && Path::new("/").join(file).is_file()).collect()
}

/// They are in the scratch root as they are on the machine.
fn assert_c_plugins_are_whole(root: &Path) {
    let theirs = c_plugins();
    assert!(theirs.len() > 20, "{theirs:?}");
    for file in theirs {
        let (there, here) = (fs::read(Path::new("/").join(&file)), fs::read(root.join(&file)));
        assert!(there.expect("read theirs") == here.expect("read the copy"), "{}", file.display());
    }
}

/// What is in a scratch root beside dpkg's database and the C plugins.
fn ours_under(root: &Path) -> BTreeSet<PathBuf> {
    let theirs = c_plugins();
    files_under(root)
        .into_iter()
        .filter(|file| !file.starts_with("var/lib/dpkg") && !theirs.contains(file))
        .collect()
}

#[test]
fn the_package_says_what_it_is_and_needs() {
    assert_eq!(field("Package"), "verdigris");
    assert_eq!(field("Version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(
        field("Maintainer"),
        "The Verdigris contributors <verdigris-monitoring@users.noreply.github.com>"
    );
    assert_eq!((field("Section").as_str(), field("Priority").as_str()), ("net", "optional"));
    assert_eq!(field("Homepage"), env!("CARGO_PKG_REPOSITORY"));
    let depends = field("Depends");
    // These programs are linked with glibc and OpenSSL.
    for library in ["libc6 (>= ", "libssl3"] {
        assert!(depends.contains(library), "{depends}");
    }
    assert!(field("Recommends").contains("libcap2-bin"));
    let kib: u64 = field("Installed-Size").parse().expect("a number");
    let bytes: u64 = PLUGINS
        .iter()
        .map(|entry| installed().join(PLUGIN_DIR).join(entry.name()).metadata().expect("stat").len())
        .sum();
    assert!(kib > bytes / 1024 && kib < bytes / 1024 * 2, "{kib} KiB for plugins of {bytes} B");
}

#[test]
fn the_package_holds_every_program_and_nothing_elsewhere() {
    let ran = Run::new("dpkg-deb").args(["--contents".as_ref(), package().as_os_str()]).env("TZ", "UTC").go();
    let mut programs = BTreeSet::new();
    for line in ran.stdout.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [mode, owner, _, day, time, path] = words[..] else { panic!("{line}") };
        assert_eq!((owner, day, time), ("root/root", "2023-11-14", "22:13"), "{line}");
        let place = path.trim_start_matches("./");
        let expected = match place {
            _ if place.ends_with('/') || place.is_empty() => "drwxr-xr-x",
            _ if place.starts_with(PLUGIN_DIR) || place.starts_with("usr/bin/") => "-rwxr-xr-x",
            _ => "-rw-r--r--",
        };
        assert_eq!(mode, expected, "{line}");
        if mode.starts_with('-') {
            let ours = [PLUGIN_DIR, "usr/bin/mdd", "usr/share/doc/verdigris/", "usr/share/verdigris/"];
            assert!(ours.iter().any(|ours| place.starts_with(ours)), "{line}");
            if mode.contains('x') {
                programs.insert(place.to_owned());
            }
        }
    }
    let plugins = PLUGINS.iter().map(|entry| format!("{PLUGIN_DIR}/{}", entry.name()));
    assert_eq!(programs, plugins.chain(["usr/bin/mdd".to_owned()]).collect());
    for document in ["copyright", "changelog.gz", "CHANGELOG.md.gz", "README.md"] {
        assert!(installed().join("usr/share/doc/verdigris").join(document).is_file(), "{document}");
    }
}

#[test]
fn installed_files_are_the_packages_own_and_overwrite_nobodys() {
    let root = installed();
    assert_c_plugins_are_whole(root);
    let listed = dpkg(root).args(["--listfiles", "verdigris"]).go();
    let listed: BTreeSet<PathBuf> = listed
        .stdout
        .lines()
        .map(|line| PathBuf::from(line.trim_start_matches('/')))
        .filter(|path| root.join(path).is_file())
        .collect();
    assert_eq!(ours_under(root), listed);
    for file in &listed {
        let data = root.join(file).metadata().expect("stat");
        assert_eq!((data.uid(), data.gid(), data.mode() & 0o7000), (0, 0, 0), "{}", file.display());
    }
    // dpkg compares with md5sums.
    let verified = dpkg(root).args(["--verify", "verdigris"]).go();
    assert_eq!((verified.code, verified.stdout.as_str()), (Some(0), ""), "{verified:?}");
    let audited = dpkg(root).args(["--audit"]).go();
    assert_eq!((audited.code, audited.stdout.as_str()), (Some(0), ""), "{audited:?}");
}

#[test]
fn only_check_ping_has_a_capability() {
    let ours: Vec<PathBuf> = PLUGINS.iter().map(|entry| plugin_dir().join(entry.name())).collect();
    let ran = Run::new("getcap").args(ours).args([installed().join("usr/bin/mdd")]).env("PATH", SBIN).go();
    let ping = plugin_dir().join("check-ping");
    assert_eq!(ran.stdout, format!("{} cap_net_raw=ep\n", ping.display()), "{ran:?}");
}

#[test]
fn an_installed_check_runs_for_users_without_rights_in_an_empty_environment() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let port = listener.local_addr().expect("an address").port().to_string();
    for user in USERS {
        let check = |name: &str, args: &[&str]| as_user(user, &plugin_dir().join(name)).args(args).go();
        for ran in [
            check("check-dummy", &["0", "fine"]),
            check("check-load", &["-w", "900", "-c", "999"]),
            check("check-procs", &["-c", "1:"]),
            check("check-tcp", &["-H", "127.0.0.1", "-p", &port]),
        ] {
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{user}: {}", ran.stdout);
            assert!(ran.first_line().contains(" OK - "), "{user}: {}", ran.stdout);
        }
        let mdd = as_user(user, &installed().join("usr/bin/mdd")).args(["--version"]).go();
        assert_eq!(
            (mdd.code, mdd.stdout.trim()),
            (Some(0), concat!("mdd ", env!("CARGO_PKG_VERSION"))),
            "{mdd:?}"
        );
    }
}

/// A network of its own, in which datagram ICMP sockets are open to no group, as kernels are unless told otherwise.
#[test]
fn check_ping_opens_its_raw_socket_for_users_without_rights() {
    let network = Netns::new();
    network.set("net/ipv4/ping_group_range", "1 0");
    let bare = scratch().join("check-ping");
    fs::copy(plugin_dir().join("check-ping"), &bare).expect("copy the plugin, without its capability");
    for user in USERS {
        let ping = |program: &Path| {
            let run = network.run("/usr/bin/setpriv").args(user_args(user)).args(["/usr/bin/env", "-i"]);
            run.args([program]).args(["-H", "127.0.0.1", "-n", "2", "-v"]).go()
        };
        let ran = ping(&plugin_dir().join("check-ping"));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{user}: {}", ran.stdout);
        assert!(ran.stdout.contains("raw sockets, through CAP_NET_RAW"), "{user}: {}", ran.stdout);
        let ran = ping(&bare);
        assert_eq!(ran.code, Some(3), "{user}: {}", ran.stdout);
        assert!(ran.first_line().contains("[permission]"), "{user}: {}", ran.stdout);
    }
}

#[test]
fn without_setcap_the_package_is_installed_all_the_same_and_says_what_is_missing() {
    let folder = TempDir::new_in(scratch()).expect("make a folder");
    let control = Run::new("dpkg-deb")
        .args(["--control".as_ref(), package().as_os_str(), folder.path().as_os_str()])
        .go();
    assert_eq!(control.code, Some(0), "{control:?}");
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).expect("make a folder");
    std::os::unix::fs::symlink("/bin/cat", bin.join("cat")).expect("link cat");
    let postinst = || {
        Run::new(folder.path().join("postinst"))
            .args(["configure", ""])
            .env_clear()
            .env("DPKG_ROOT", folder.path())
    };
    let ran = postinst().env("PATH", &bin).go();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    assert!(
        ran.stderr.contains("check-ping got no capability: setcap is not installed (package libcap2-bin)"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("not made setuid root") && ran.stderr.contains("ping_group_range"),
        "{ran:?}"
    );
    // And where it is there but may not: what it says is said.
    let ran = postinst().env("PATH", SBIN).go();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("got no capability: ") && ran.stderr.contains("check-ping"), "{ran:?}");
}

#[test]
fn a_removed_package_leaves_nothing() {
    let root = scratch().join("removed");
    install(&root);
    let ran = dpkg(&root).args(["--remove", "verdigris"]).go();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    assert_eq!(ours_under(&root), BTreeSet::new());
    assert_c_plugins_are_whole(&root);
    for folder in ["usr/bin", "usr/share/doc/verdigris", "usr/share/verdigris"] {
        assert!(!root.join(folder).exists(), "{folder}");
    }
    assert!(files_under(&root.join("var/lib/dpkg/info")).iter().all(|path| !path.starts_with("verdigris.")));
    fs::remove_dir_all(&root).expect("remove the root");
}

#[test]
fn an_asset_has_bin_at_its_top_and_is_what_its_checksum_and_its_definition_say() {
    let version = env!("CARGO_PKG_VERSION");
    let arch = arch();
    let name = format!("verdigris-plugins_{version}_linux_{arch}.tar.gz");
    let names = run("tar", [Path::new("--list"), Path::new("--file"), &made().join(&name)]).stdout;
    let mut expected: Vec<String> =
        ["CHANGELOG.md", "LICENSE", "README.md", "bin/"].map(str::to_owned).into();
    expected.extend(PLUGINS.iter().map(|entry| format!("bin/{}", entry.name())));
    expected.sort();
    let mut listed: Vec<&str> = names.lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, expected);

    let sums = format!("verdigris-plugins_{version}_sha512-checksums.txt");
    let sums = fs::read_to_string(made().join(sums)).expect("read the checksums");
    let sha512 = run("sha512sum", [made().join(&name)]).stdout[..128].to_owned();
    assert_eq!(sums, format!("{sha512}  {name}\n"));

    let definition = fs::read_to_string(made().join("asset.yaml")).expect("read the definition");
    let expected = format!(
        "---\n# For `sensuctl create -f`; checks name it in runtime_assets.\ntype: Asset\napi_version: core/v2\nmetadata:\n  \
         name: verdigris-plugins\nspec:\n  builds:\n  - url: 'https://assets.example.net/verdigris/{name}'\n    \
         sha512: {sha512}\n    filters:\n    - \"entity.system.os == 'linux'\"\n    - \"entity.system.arch == '{arch}'\"\n    \
         - \"entity.system.libc_type == 'glibc'\"\n"
    );
    assert_eq!(definition, expected);

    // As an agent does: unpacked, and put in front of the path.
    let folder = TempDir::new_in(scratch()).expect("make a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("open the folder");
    let unpacked = run("tar", [Path::new("-xzf"), &made().join(&name), Path::new("-C"), folder.path()]);
    assert_eq!(unpacked.code, Some(0), "{unpacked:?}");
    let path = format!("{}:{SBIN}", folder.path().join("bin").display());
    let shell = as_user("nobody", Path::new("/bin/sh"))
        .args(["-c", "check-load -w 900 -c 999"])
        .env("PATH", path)
        .go();
    assert_eq!((shell.code, shell.stderr.as_str()), (Some(0), ""), "{}", shell.stdout);
}

#[test]
fn the_tarball_has_one_folder_with_everything_in_it() {
    let arch = arch();
    let folder = format!("verdigris_{}_linux_{arch}", env!("CARGO_PKG_VERSION"));
    let names =
        run("tar", [Path::new("--list"), Path::new("--file"), &made().join(format!("{folder}.tar.gz"))])
            .stdout;
    assert!(names.lines().all(|name| name.starts_with(&format!("{folder}/"))), "{names}");
    let programs: Vec<String> = PLUGINS.iter().map(catalog::Entry::name).chain(["mdd".into()]).collect();
    for name in programs.iter().map(|program| format!("bin/{program}")).chain([
        "LICENSE".into(),
        "README.md".into(),
        "CHANGELOG.md".into(),
    ]) {
        assert!(names.lines().any(|line| line == format!("{folder}/{name}")), "{name}");
    }
}

#[test]
fn the_same_programs_make_the_same_archives() {
    let again = scratch().join("again");
    dist(&again, "077", "Asia/Tokyo");
    let files = files_under(made());
    assert_eq!(files, files_under(&again));
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        let same = fs::read(made().join(&file)).expect("read") == fs::read(again.join(&file)).expect("read");
        assert!(same, "{}", file.display());
    }
    fs::remove_dir_all(&again).expect("remove the second one");
}
