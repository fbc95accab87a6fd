//! Which file systems a command line chooses, and which thresholds it gives each.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use host::mounts::{Mount, Mounts};
use plugin::{Failure, Range, Reason, Result, Thresholds};

use crate::CheckDisk;
use crate::locate::Place;
use crate::options::{Limit, Step};

/// Thresholds of one file system. Those of free space and inodes alert inside their range, the others outside.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Limits {
    pub free_units: Thresholds,
    pub free_percent: Thresholds,
    pub used_percent: Thresholds,
    pub free_inodes: Thresholds,
}

impl Limits {
    fn is_empty(&self) -> bool {
        [&self.free_units, &self.free_percent, &self.used_percent, &self.free_inodes]
            .iter()
            .all(|thresholds| thresholds.is_empty())
    }
}

/// A file system or path that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// The path as given, or the mount point.
    pub name: PathBuf,
    pub place: Place,
    pub limits: Rc<Limits>,
    pub group: Option<String>,
}

/// Goes through the command line from left to right, as the namesake does.
pub(crate) fn select(
    options: &CheckDisk,
    mounts: &Mounts,
    locate: &dyn Fn(&Path) -> Place,
) -> Result<Vec<Target>> {
    if options.says_nothing() {
        return Err(Failure::new(
            Reason::Usage,
            "neither thresholds nor paths given; -w 10% -c 5% checks all file systems",
        ));
    }
    let mut selection = Selection::new(mounts, locate);
    for step in &options.steps.0 {
        selection.take(step)?;
    }
    selection.positional(&options.positional)?;
    if !selection.chosen {
        selection.add_all();
    }
    Ok(selection.targets)
}

impl CheckDisk {
    fn says_nothing(&self) -> bool {
        self.steps.0.is_empty()
            && self.positional.is_empty()
            && [&self.exclude_type, &self.include_type].iter().all(|list| list.is_empty())
            && self.exclude.is_empty()
            && self.units.is_none()
            && ![
                self.local,
                self.stat_remote_fs,
                self.errors_only,
                self.freespace_ignore_reserved,
                self.iperfdata,
                self.mountpoint,
                self.kilobytes,
                self.megabytes,
            ]
            .contains(&true)
    }

    /// Whether `-x`, `-X` and `-N` leave this file system in.
    pub(crate) fn wants(&self, mount: &Mount) -> bool {
        // The namesake never checks what cannot fill up.
        let excluded = mount.kind == "iso9660"
            || self.exclude_type.contains(&mount.kind)
            || self.exclude.iter().any(|name| *name == mount.source || name.as_os_str() == mount.point);
        let included = self.include_type.is_empty() || self.include_type.contains(&mount.kind);
        included && !excluded
    }
}

struct Selection<'a> {
    mounts: &'a Mounts,
    locate: &'a dyn Fn(&Path) -> Place,
    targets: Vec<Target>,
    limits: Rc<Limits>,
    group: Option<String>,
    exact: bool,
    /// Something was chosen since the start or the last `--clear`.
    chosen: bool,
}

impl<'a> Selection<'a> {
    fn new(mounts: &'a Mounts, locate: &'a dyn Fn(&Path) -> Place) -> Selection<'a> {
        Selection {
            mounts,
            locate,
            targets: Vec::new(),
            limits: Rc::default(),
            group: None,
            exact: false,
            chosen: false,
        }
    }

    fn take(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Warning(limit) => self.free(limit).warning = Some(limit.range.clone()),
            Step::Critical(limit) => self.free(limit).critical = Some(limit.range.clone()),
            Step::InodeWarning(range) => self.limits_mut().free_inodes.warning = Some(range.clone()),
            Step::InodeCritical(range) => self.limits_mut().free_inodes.critical = Some(range.clone()),
            Step::Path(path) => {
                self.thresholds_first("-p")?;
                self.add_path(path);
            }
            Step::Exact => {
                self.nothing_chosen_yet("-E")?;
                self.exact = true;
            }
            Step::Group(name) => {
                self.nothing_chosen_yet("-g")?;
                self.group = Some(name.clone());
            }
            Step::Select(regex) => {
                self.thresholds_first("-A, -r, -R")?;
                let mut found = false;
                for (index, mount) in self.mounts.all().iter().enumerate() {
                    if matches(regex, mount) {
                        found = true;
                        self.add(mount.point.clone(), Place::Mount(index));
                    }
                }
                if !found {
                    let message = format!("regular expression `{regex}` matches no mount point or device");
                    return Err(Failure::new(Reason::Usage, message));
                }
                self.chosen = true;
            }
            Step::Ignore(regex) => {
                if !self.chosen {
                    let message = "-i and -I drop what was chosen before them; -A chooses all";
                    return Err(Failure::new(Reason::Usage, message));
                }
                let mounts = self.mounts;
                self.targets.retain(|target| {
                    !target.place.mount().is_some_and(|index| matches(regex, &mounts.all()[index]))
                });
            }
            Step::Clear => {
                if !self.chosen {
                    self.add_all();
                }
                self.limits = Rc::default();
                self.group = None;
                self.chosen = false;
            }
        }
        Ok(())
    }

    fn free(&mut self, limit: &Limit) -> &mut Thresholds {
        let limits = self.limits_mut();
        if limit.percent { &mut limits.free_percent } else { &mut limits.free_units }
    }

    // A change is for what follows: what was chosen before keeps its own.
    fn limits_mut(&mut self) -> &mut Limits {
        Rc::make_mut(&mut self.limits)
    }

    fn thresholds_first(&self, option: &str) -> Result<()> {
        if self.limits.is_empty() {
            let message = format!("{option}: a threshold has to stand before it, -w, -c, -W or -K");
            return Err(Failure::new(Reason::Usage, message));
        }
        Ok(())
    }

    fn nothing_chosen_yet(&self, option: &str) -> Result<()> {
        if self.chosen {
            let message = format!("{option} has to stand before the paths it is for");
            return Err(Failure::new(Reason::Usage, message));
        }
        Ok(())
    }

    fn add_path(&mut self, path: &OsStr) {
        // A device may be mounted several times; the last mount is what `mount DEVICE` made.
        let device = self.mounts.all().iter().rposition(|mount| mount.source == path);
        let place = match device.or_else(|| self.mounts.at(Path::new(path))) {
            // Only here, where somebody asks for it, may autofs mount something.
            Some(mount) if self.mounts.all()[mount].kind == "autofs" => {
                Place::Beyond { mount, path: PathBuf::from(path) }
            }
            Some(index) => Place::Mount(index),
            None if self.exact => {
                let message = format!("{} is no mount point and no device", path.display());
                Place::Failed(Failure::new(Reason::Missing, message))
            }
            None => (self.locate)(Path::new(path)),
        };
        self.add(PathBuf::from(path), place);
        self.chosen = true;
    }

    // What was chosen before gets the thresholds of now, and keeps its place.
    fn add(&mut self, name: PathBuf, place: Place) {
        let (limits, group) = (Rc::clone(&self.limits), self.group.clone());
        // As bytes: paths compare part by part, which is slow for a thousand mounts.
        match self.targets.iter_mut().find(|target| target.name.as_os_str() == name.as_os_str()) {
            Some(target) => (target.limits, target.group) = (limits, group),
            None => self.targets.push(Target { name, place, limits, group }),
        }
    }

    fn add_all(&mut self) {
        for (index, mount) in self.mounts.all().iter().enumerate() {
            self.add(mount.point.clone(), Place::Mount(index));
        }
    }

    // `80 90 /var`: thresholds only where they are whole numbers, and no group.
    fn positional(&mut self, words: &[OsString]) -> Result<()> {
        let mut words = words.iter().peekable();
        let mut number = || {
            let text = words.peek().and_then(|word| word.to_str())?;
            let range = text.parse::<u64>().ok().map(|_| text.parse::<Range>().ok())??;
            words.next();
            Some(range)
        };
        self.limits_mut().used_percent = Thresholds::new(number(), number());
        match words.next() {
            Some(path) => {
                self.group = None;
                self.add_path(path);
            }
            None if self.chosen && !self.limits.used_percent.is_empty() => {
                let message = "thresholds at the end are for the path behind them; there is none";
                return Err(Failure::new(Reason::Usage, message));
            }
            None => {}
        }
        match words.next() {
            Some(word) => {
                let message = format!("no option takes `{}`; -p chooses more than one path", word.display());
                Err(Failure::new(Reason::Usage, message))
            }
            None => Ok(()),
        }
    }
}

fn matches(regex: &regex_lite::Regex, mount: &Mount) -> bool {
    regex.is_match(&mount.source.to_string_lossy()) || regex.is_match(&mount.point.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::select;
    use crate::CheckDisk;
    use crate::locate::Place;
    use clap::Parser as _;
    use host::mounts::Mounts;
    use plugin::{Failure, Range, Reason};
    use std::path::Path;

    const MOUNTS: &[u8] = b"1 0 8:1 / / rw - ext4 /dev/a rw
2 1 8:2 / /tmp rw - ext4 /dev/b rw
3 1 8:3 / /var rw - ext4 /dev/c rw
4 1 8:4 / /oracle/SID/data1 rw - ext4 /dev/d rw
5 1 8:5 / /oracle/SID/data2 rw - ext4 /dev/e rw
6 1 8:3 /log /log rw - ext4 /dev/c rw
7 1 0:9 / /net rw - autofs auto.net rw
";

    // Each target as `name@mount group w.. c..`, in order; or the reason of a failure.
    fn chosen(line: &str) -> Result<Vec<String>, String> {
        let options = CheckDisk::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        let mounts = Mounts::parse(MOUNTS);
        let locate = |path: &Path| match mounts.holding(path) {
            Some(index) if path.starts_with("/") && !path.ends_with("gone") => Place::Mount(index),
            _ => Place::Failed(Failure::new(Reason::Missing, "gone")),
        };
        let targets = select(&options, &mounts, &locate).map_err(|failure| failure.to_string())?;
        let range = |range: &Option<Range>| range.as_ref().map(ToString::to_string).unwrap_or_default();
        let shown = targets.iter().map(|target| {
            let place = match &target.place {
                Place::Mount(index) => mounts.all()[*index].point.display().to_string(),
                Place::Beyond { path, .. } => format!("beyond {}", path.display()),
                Place::Failed(failure) => failure.reason.to_string(),
            };
            let l = &target.limits;
            let limits = [&l.free_units, &l.free_percent, &l.used_percent, &l.free_inodes]
                .map(|t| format!("{}/{}", range(&t.warning), range(&t.critical)))
                .join(" ");
            let group = target.group.as_deref().unwrap_or("-");
            format!("{} on {place} group {group}: {limits}", target.name.display())
        });
        Ok(shown.collect())
    }

    fn all(limits: &str) -> Vec<String> {
        ["/", "/tmp", "/var", "/oracle/SID/data1", "/oracle/SID/data2", "/log", "/net"]
            .iter()
            .map(|point| format!("{point} on {point} group -: {limits}"))
            .collect()
    }

    #[test]
    fn without_paths_all_are_chosen() {
        assert_eq!(chosen("check-disk -w 10% -c 5"), Ok(all("/@5 @10/ / /")));
        assert_eq!(chosen("check-disk -e"), Ok(all("/ / / /")));
        assert_eq!(chosen("check-disk 80 90"), Ok(all("/ / 80/90 /")));
        let failure = chosen("check-disk").expect_err("nothing is said");
        assert!(failure.ends_with("[usage]"), "{failure}");
    }

    #[test]
    fn thresholds_count_for_what_follows() {
        // The three examples of the namesake's help.
        assert_eq!(
            chosen("check-disk -w 10% -c 5% -p /tmp -p /var -C -w 100000 -c 50000 -p /"),
            Ok(vec![
                "/tmp on /tmp group -: / @10/@5 / /".into(),
                "/var on /var group -: / @10/@5 / /".into(),
                "/ on / group -: @100000/@50000 / / /".into(),
            ])
        );
        let mut expected = all("@100/@50 / / /");
        for data in &mut expected[3..5] {
            *data = data.replace("group -: @100/@50", "group sid: @1000/@500");
        }
        let line = "check-disk -w 100 -c 50 -C -w 1000 -c 500 -g sid -r ^/oracle/SID/data.*$";
        assert_eq!(chosen(line), Ok(expected));
        let line = "check-disk -w 100 -c 50 -C -w 1000 -c 500 -p /tmp -C -w 5% -c 3% -p /var";
        let mut expected = all("@100/@50 / / /");
        expected[1] = "/tmp on /tmp group -: @1000/@500 / / /".into();
        expected[2] = "/var on /var group -: / @5/@3 / /".into();
        assert_eq!(chosen(line), Ok(expected));
    }

    #[test]
    fn a_clear_at_the_end_chooses_all_with_what_came_after() {
        let expected = Ok(all("@9/ / / /"));
        let found = chosen("check-disk -w 10% -p /tmp -C -w 9");
        let sorted = |list: Result<Vec<String>, String>| {
            list.map(|mut list| {
                list.sort();
                list
            })
        };
        // The path keeps its place in front.
        assert!(found.as_ref().is_ok_and(|list| list[0].starts_with("/tmp ")));
        assert_eq!(sorted(found), sorted(expected));
    }

    #[test]
    fn paths_are_found_by_mount_point_device_and_place() {
        assert_eq!(
            chosen("check-disk -w 1 -W 2% -K 1 -p /dev/c -p /var/lib/x -p /net -p /gone"),
            Ok(vec![
                // Mounted twice: the last one counts.
                "/dev/c on /log group -: @1/ / / @2/@1".into(),
                "/var/lib/x on /var group -: @1/ / / @2/@1".into(),
                "/net on beyond /net group -: @1/ / / @2/@1".into(),
                "/gone on missing group -: @1/ / / @2/@1".into(),
            ])
        );
        assert_eq!(
            chosen("check-disk -w 1 -E -p /var -p /var/lib"),
            Ok(vec![
                "/var on /var group -: @1/ / / /".into(),
                "/var/lib on missing group -: @1/ / / /".into(),
            ])
        );
        assert_eq!(chosen("check-disk 80 90 /var"), Ok(vec!["/var on /var group -: / / 80/90 /".into()]));
        assert_eq!(chosen("check-disk 80 /var"), Ok(vec!["/var on /var group -: / / 80/ /".into()]));
    }

    #[test]
    fn a_path_named_again_gets_the_thresholds_of_now() {
        assert_eq!(
            chosen("check-disk -w 1 -p /tmp -p /var -w 2 -p /tmp"),
            Ok(vec!["/tmp on /tmp group -: @2/ / / /".into(), "/var on /var group -: @1/ / / /".into()])
        );
    }

    #[test]
    fn regexes_choose_and_drop_by_device_and_mount_point() {
        let names = |line: &str| {
            chosen(line).map(|list| {
                list.iter().map(|shown| shown.split(' ').next().unwrap_or_default().to_owned()).collect()
            })
        };
        let list =
            |names: &[&str]| Ok::<Vec<String>, String>(names.iter().map(ToString::to_string).collect());
        assert_eq!(names("check-disk -w 1 -R SID"), list(&["/oracle/SID/data1", "/oracle/SID/data2"]));
        assert_eq!(names("check-disk -w 1 -r ^/dev/[ab]$"), list(&["/", "/tmp"]));
        assert_eq!(names("check-disk -w 1 -A -i oracle -I DEV/C -i net"), list(&["/", "/tmp"]));
        assert_eq!(names("check-disk -w 1 -A -i .* -r tmp"), list(&["/tmp"]));
        assert_eq!(names("check-disk -w 1 -A -i .*"), list(&[]));
        assert_eq!(names("check-disk -w 1 -p /gone -p /tmp -i tmp"), list(&["/gone"]));
    }

    #[test]
    fn an_order_that_makes_no_sense_is_refused() {
        for line in [
            "check-disk -p /",
            "check-disk -r x",
            "check-disk -A -w 1",
            "check-disk -w 1 -i x",
            "check-disk -w 1 -A -C -i x",
            "check-disk -w 1 -r nothing_like_it",
            "check-disk -w 1 -p / -E -p /tmp",
            "check-disk -w 1 -p / -g data -p /tmp",
            "check-disk 80 / /tmp",
            "check-disk -w 1 -p / 80",
        ] {
            let failure = chosen(line).expect_err(line);
            assert!(failure.ends_with("[usage]"), "{line}: {failure}");
        }
        assert!(chosen("check-disk -w 1 -p / -C -w 2 -E -g data -p /tmp").is_ok());
    }

    #[test]
    fn filters_look_at_types_devices_and_mount_points() {
        let wanted = |line: &str| -> Vec<bool> {
            let options = CheckDisk::try_parse_from(line.split(' ')).expect("readable");
            let mounts = Mounts::parse(
                b"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 8:2 / /cd rw - iso9660 /dev/sr0 rw\n3 1 0:2 / /t rw - tmpfs t rw\n",
            );
            mounts.all().iter().map(|mount| options.wants(mount)).collect()
        };
        assert_eq!(wanted("check-disk -e"), [true, false, true]);
        assert_eq!(wanted("check-disk -x /"), [false, false, true]);
        assert_eq!(wanted("check-disk -x /dev/a -x /t"), [false, false, false]);
        assert_eq!(wanted("check-disk -X tmpfs"), [true, false, false]);
        assert_eq!(wanted("check-disk -N tmpfs -N iso9660"), [false, false, true]);
        assert_eq!(wanted("check-disk -N tmpfs -X tmpfs"), [false, false, false]);
    }
}
