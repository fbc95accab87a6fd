//! `--extra-opts=[section][@file]`: options from an INI file, as every C plugin reads them.

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// Largest INI file that is read, bytes.
const LIMIT: u64 = 1024 * 1024;

/// Names looked for in each folder of `$NAGIOS_CONFIG_PATH`.
const NAMES: [&str; 3] = ["monitoring-plugins.ini", "plugins.ini", "nagios-plugins.ini"];

/// Where the C plugins look after that.
const FILES: [&str; 11] = [
    "/usr/local/etc/monitoring-plugins/monitoring-plugins.ini",
    "/usr/local/etc/monitoring-plugins.ini",
    "/etc/monitoring-plugins/monitoring-plugins.ini",
    "/etc/monitoring-plugins.ini",
    "/usr/local/nagios/etc/plugins.ini",
    "/usr/local/etc/nagios/plugins.ini",
    "/etc/nagios/plugins.ini",
    "/etc/opt/nagios/plugins.ini",
    "/usr/local/etc/nagios-plugins.ini",
    "/etc/nagios-plugins.ini",
    "/etc/opt/nagios-plugins.ini",
];

/// Replaces every `--extra-opts` before `--` by the options of its section, which are put before the command line's own,
/// so that these win. `default_section` is the program's name. Nothing is replaced: `None`.
///
/// Errors name the option, the file and what is wrong with it.
pub(crate) fn expand(args: &[OsString], default_section: &str) -> Result<Option<Vec<OsString>>, String> {
    let asks =
        |arg: &OsString| arg.to_str().is_some_and(|a| a == "--extra-opts" || a.starts_with("--extra-opts="));
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    if !args[..end].iter().any(asks) {
        return Ok(None);
    }
    let mut from_files = Vec::new();
    let mut own = Vec::new();
    let mut rest = args[..end].iter().skip(1).peekable();
    while let Some(arg) = rest.next() {
        if !asks(arg) {
            own.push(arg.clone());
            continue;
        }
        let text = arg.to_string_lossy();
        // The value may stand behind `=` or, unless it looks like an option, as the next argument.
        let value = match text.split_once('=') {
            Some((_, value)) => value.to_owned(),
            None => match rest.next_if(|next| !next.to_string_lossy().starts_with('-')) {
                Some(next) => next.to_string_lossy().into_owned(),
                None => String::new(),
            },
        };
        from_files.extend(read(&value, default_section)?);
    }
    let program = args.first().cloned();
    Ok(Some(program.into_iter().chain(from_files).chain(own).chain(args[end..].iter().cloned()).collect()))
}

fn read(value: &str, default_section: &str) -> Result<Vec<OsString>, String> {
    let (section, file) = match value.split_once('@') {
        Some((section, file)) => (section, Some(PathBuf::from(file))),
        None => (value, None),
    };
    let section = if section.is_empty() { default_section } else { section };
    let file = match file {
        Some(file) => file,
        None => find().ok_or_else(|| {
            format!(
                "--extra-opts: no file named; neither $NAGIOS_CONFIG_PATH nor {} and the like hold one",
                FILES[2]
            )
        })?,
    };
    let failed = |what: &str| format!("--extra-opts: {}: {what}", file.display());
    let text = text_of(&file).map_err(|what| failed(&what))?;
    // A section of another name that is missing falls back to the program's own, as in the C plugins.
    options_of(&text, section)
        .or_else(|what| options_of(&text, default_section).map_err(|_| what))
        .map_err(|what| failed(&what))
}

// No deadline has begun yet: a pipe must not make this wait, nor a device make it read for ever.
fn text_of(file: &Path) -> Result<String, String> {
    let text_of = |error| crate::failure::io_text(&error);
    let open = fs::File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(file);
    let mut bytes = Vec::new();
    open.map_err(text_of)?.take(LIMIT + 1).read_to_end(&mut bytes).map_err(text_of)?;
    if bytes.len() as u64 > LIMIT {
        return Err("larger than 1 MiB".into());
    }
    String::from_utf8(bytes).map_err(|_| "no UTF-8 text".into())
}

fn find() -> Option<PathBuf> {
    let from_environment = std::env::var_os("NAGIOS_CONFIG_PATH");
    let folders: Vec<PathBuf> = from_environment.iter().flat_map(std::env::split_paths).collect();
    let in_folders = folders.iter().flat_map(|folder| NAMES.iter().map(move |name| folder.join(name)));
    in_folders.chain(FILES.iter().map(PathBuf::from)).find(|file| file.is_file())
}

/// `[section]` lines, then `key=value` or `key`: one letter makes `-k value`, more make `--key=value`.
fn options_of(text: &str, section: &str) -> Result<Vec<OsString>, String> {
    let mut found = false;
    let mut inside = false;
    let mut options = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line.starts_with(';') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name =
                name.strip_suffix(']').ok_or_else(|| format!("line {}: `]` is missing", number + 1))?;
            inside = name.trim() == section;
            found |= inside;
            continue;
        }
        if !inside {
            continue;
        }
        // As in the C plugins: `#` ends a value, and `key=` is an option without one. A bare `key` is taken as that too.
        let line = line.split('#').next().unwrap_or_default();
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.trim_end(), Some(value.trim()).filter(|value| !value.is_empty())),
            None => (line.trim_end(), None),
        };
        if key.is_empty() || key.starts_with('-') || key.contains(char::is_whitespace) {
            return Err(format!("line {}: `{key}` is no option's name", number + 1));
        }
        let short = key.chars().count() == 1;
        let dashed = if short { format!("-{key}") } else { format!("--{key}") };
        match value {
            Some(value) if short => options.extend([dashed.into(), value.into()]),
            Some(value) => options.push(format!("{dashed}={value}").into()),
            None => options.push(dashed.into()),
        }
    }
    if found { Ok(options) } else { Err(format!("no section [{section}]")) }
}

#[cfg(test)]
mod tests {
    use super::{expand, options_of};

    const INI: &str = "# ours\n[check_tcp]\nH = 127.0.0.1\np=22\nescape\n\n[other]\nwarning=1\n";

    #[test]
    fn one_letter_and_long_options() {
        let options = options_of(INI, "check_tcp").expect("the section is there");
        assert_eq!(options, ["-H", "127.0.0.1", "-p", "22", "--escape"]);
        assert_eq!(options_of(INI, "other").expect("the section is there"), ["--warning=1"]);
        assert_eq!(options_of("[a]\nx=\ny=1 # one\n", "a").expect("the section is there"), ["-x", "-y", "1"]);
        assert_eq!(options_of(INI, "absent"), Err("no section [absent]".into()));
        assert!(options_of("[a\n", "a").is_err());
    }

    #[test]
    fn the_command_line_comes_last_and_so_wins() {
        let path = std::env::temp_dir().join(format!("verdigris-extra-{}.ini", std::process::id()));
        std::fs::write(&path, INI).expect("write the file");
        let extra = format!("--extra-opts=@{}", path.display());
        let words = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<_>>();
        let expand = |args: &[&str]| expand(&words(args), "check_tcp");
        assert_eq!(
            expand(&["check_tcp", "-p", "80", &extra, "--", "x"]),
            Ok(Some(words(&["check_tcp", "-H", "127.0.0.1", "-p", "22", "--escape", "-p", "80", "--", "x"])))
        );
        assert_eq!(expand(&["check_tcp", "--", &extra]), Ok(None));
        std::fs::remove_file(&path).expect("remove the file");
        let error = expand(&["check_tcp", &extra]).expect_err("gone");
        assert!(error.ends_with(": no such file or directory"), "{error}");
    }

    #[test]
    fn a_device_and_a_pipe_end() {
        assert_eq!(super::text_of("/dev/zero".as_ref()), Err("larger than 1 MiB".into()));
        let path = std::env::temp_dir().join(format!("verdigris-extra-{}.fifo", std::process::id()));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("make a pipe");
        assert_eq!(super::text_of(&path), Ok(String::new()));
        std::fs::remove_file(&path).expect("remove the pipe");
    }
}
