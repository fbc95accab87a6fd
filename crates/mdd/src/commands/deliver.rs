//! Where a run's and a gate's result goes: files as a whole or not at all, then standard output.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cli::{Global, print};
use crate::exit::{Error, Exit};
use crate::render::formats::{Format, Sheet, junit, nagios, prometheus, tap};
use crate::render::style::Style;

/// Writes the result in every format that was asked for, and gives the exit code: a plugin's for `nagios`.
///
/// # Errors
/// A file cannot be written.
pub(super) fn deliver(
    sheet: &Sheet<'_, '_>,
    (format, files): (Format, &[(Format, PathBuf)]),
    json: &dyn Fn() -> String,
    text: &dyn Fn(Style) -> String,
    global: &Global,
) -> Result<Exit, Error> {
    let render = |format, style| match format {
        Format::Text => text(style),
        Format::Json => json(),
        Format::Junit => junit::text(sheet),
        Format::Tap => tap::text(sheet),
        Format::Nagios => nagios::line(sheet),
        Format::Prometheus => prometheus::text(sheet),
    };
    for (format, path) in files {
        write(path, &render(*format, Style { color: false, ascii: global.ascii }))
            .map_err(|error| Error::own(format!("write {}: {error}", path.display())))?;
    }
    print(&render(format, global.style()))?;
    Ok(match format {
        Format::Nagios => Exit::Plugin(nagios::status(sheet)),
        _ => sheet.exit,
    })
}

/// Writes a file as a whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    write_with(path, text, None)
}

/// Writes a file as a whole or not at all, for everybody to read, whatever the umask.
pub(super) fn publish(path: &Path, text: &str) -> std::io::Result<()> {
    write_with(path, text, Some(0o644))
}

fn write_with(path: &Path, text: &str, mode: Option<u32>) -> std::io::Result<()> {
    // A device or a pipe takes what it is given; a file must never stand in its place.
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().ok_or_else(|| std::io::Error::other("it names no file"))?;
    let draft = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = (|| {
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        if let Some(mode) = mode {
            file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        }
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
        std::fs::File::open(folder)?.sync_all()
    })();
    if written.is_err() && draft.exists() {
        std::fs::remove_file(&draft)?;
    }
    written
}
