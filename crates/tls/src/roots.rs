//! The system's trusted roots, read as lazily as it goes.
//!
//! Parsing a whole bundle costs a hundred times a handshake, so roots come from a hashed folder, one file at a time, as
//! OpenSSL asks for them. Roots that stand in the bundle only (RHEL's anchors may) are looked at when that failed.

use std::path::{Path, PathBuf};

use openssl::ssl::SslContextBuilder;
use openssl::ssl::SslFiletype;
use openssl::x509::store::{X509Lookup, X509Store, X509StoreBuilder, X509StoreBuilderRef};

use plugin::{Context as _, Failure, Reason, Result};

use crate::TlsOptions;

/// Hashed folders of the distributions, the first that holds a hashed name is used.
const FOLDERS: [&str; 4] = [
    "/etc/ssl/certs",
    "/etc/pki/ca-trust/extracted/pem/directory-hash",
    "/etc/pki/tls/certs",
    "/usr/lib/ssl/certs",
];
/// Bundles of the distributions, the first that exists is used.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Adds the roots that the options ask for; with none, the system's hashed folder, or its bundle where there is no such
/// folder.
///
/// Returns the bundle to fall back to when an issuer was not found in the folder.
pub(crate) fn add(context: &mut SslContextBuilder, options: &TlsOptions) -> Result<Option<PathBuf>> {
    let store = context.cert_store_mut();
    if options.ca_file.is_some() || options.ca_dir.is_some() {
        if let Some(file) = &options.ca_file {
            add_file(store, file)?;
        }
        if let Some(folder) = &options.ca_dir {
            if !folder.is_dir() {
                return Err(Failure::new(
                    Reason::Usage,
                    format!("CA folder {}: no such folder", folder.display()),
                ));
            }
            add_folder(store, folder)?;
        }
        return Ok(None);
    }
    let folder = match std::env::var_os("SSL_CERT_DIR") {
        Some(folders) => std::env::split_paths(&folders).find(|folder| folder.is_dir()),
        None => FOLDERS.iter().map(Path::new).find(|folder| is_hashed(folder)).map(Path::to_path_buf),
    };
    let bundle = match std::env::var_os("SSL_CERT_FILE") {
        Some(file) => Some(PathBuf::from(file)).filter(|file| file.is_file()),
        None => BUNDLES.iter().map(PathBuf::from).find(|file| file.is_file()),
    };
    match (&folder, &bundle) {
        (Some(folder), _) => add_folder(store, folder)?,
        (None, Some(bundle)) => {
            add_file(store, bundle)?;
            return Ok(None);
        }
        (None, None) => {}
    }
    Ok(bundle)
}

/// A store that holds a whole bundle.
pub(crate) fn bundle_store(bundle: &Path) -> Result<X509Store> {
    let mut store = X509StoreBuilder::new()?;
    add_file(&mut store, bundle)?;
    Ok(store.build())
}

fn add_file(store: &mut X509StoreBuilderRef, file: &Path) -> Result<()> {
    let what = || format!("read CA file {}", file.display());
    // OpenSSL's own error does not name the file, and says nothing useful of a missing one.
    std::fs::File::open(file)
        .map_err(|error| Failure { reason: Reason::Usage, ..Failure::io(what(), &error) })?;
    let lookup = store.add_lookup(X509Lookup::file())?;
    lookup
        .load_cert_file(file, SslFiletype::PEM)
        .map_err(|_| "no certificate in it")
        .because(Reason::Usage, what())?;
    Ok(())
}

fn add_folder(store: &mut X509StoreBuilderRef, folder: &Path) -> Result<()> {
    let name =
        folder.to_str().because(Reason::Usage, format_args!("CA folder {}: no UTF-8", folder.display()))?;
    store.add_lookup(X509Lookup::hash_dir())?.add_dir(name, SslFiletype::PEM)?;
    Ok(())
}

/// Whether a folder holds a name such as `4a6481c9.0`, by which OpenSSL finds a root.
fn is_hashed(folder: &Path) -> bool {
    let hashed = |name: &str| match name.split_once('.') {
        Some((hash, number)) => {
            hash.len() == 8
                && hash.bytes().all(|b| b.is_ascii_hexdigit())
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        None => false,
    };
    std::fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(hashed)))
}
