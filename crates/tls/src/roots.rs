//! The system's trusted roots, read as lazily as it goes.
//!
//! Parsing a whole bundle costs a hundred times a handshake, so roots come from a hashed folder, one file at a time, as
//! OpenSSL asks for them. Roots that stand in the bundle only (RHEL's anchors may) are looked at when that failed.

use std::path::{Path, PathBuf};

use openssl::ssl::SslContextBuilder;
use openssl::ssl::SslFiletype;
use openssl::stack::Stack;
use openssl::x509::store::{X509Lookup, X509StoreBuilder, X509StoreBuilderRef};
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext};

use plugin::{Context as _, Failure, Reason, Result};

use crate::{Certificate, Distrust, TlsOptions};

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

/// A chain that leads to a root of a bundle.
pub(crate) struct Verified {
    /// From the server's own certificate to the root.
    pub path: Vec<Certificate>,
    /// What is wrong with it all the same: dates.
    pub found: Vec<Distrust>,
}

/// Whether the chain leads to a root that stands in the bundle only; none where it does not.
pub(crate) fn verify_in(bundle: &Path, sent: &[&X509Ref]) -> Result<Option<Verified>> {
    let Some((leaf, rest)) = sent.split_first() else { return Ok(None) };
    let mut others = Stack::<X509>::new()?;
    for x509 in rest {
        others.push((*x509).to_owned())?;
    }
    // Signatures have to hold in any case; dates are a problem of their own, and must not hide that there is a root.
    for flags in [X509VerifyFlags::empty(), X509VerifyFlags::NO_CHECK_TIME] {
        let mut store = X509StoreBuilder::new()?;
        add_file(&mut store, bundle)?;
        store.set_purpose(X509PurposeId::SSL_SERVER)?;
        store.set_flags(flags | X509VerifyFlags::TRUSTED_FIRST)?;
        let store = store.build();
        let mut context = X509StoreContext::new()?;
        let (holds, distrust, path) = context.init(&store, leaf, &others, |context| {
            let holds = context.verify_cert()?;
            let path: Vec<X509> = context.chain().into_iter().flatten().map(ToOwned::to_owned).collect();
            Ok((holds, Distrust::new(context.error(), context.error_depth()), path))
        })?;
        if holds {
            let path = path.iter().map(|x509| Certificate::of(x509)).collect::<Result<Vec<_>>>()?;
            let found = if flags.is_empty() { Vec::new() } else { dates(&path) };
            return Ok(Some(Verified { path, found }));
        }
        if !distrust.is_about_dates() {
            return Ok(None);
        }
    }
    Ok(None)
}

// The handshake has found those of the certificates that were sent; only the root is new.
fn dates(path: &[Certificate]) -> Vec<Distrust> {
    let now = crate::now();
    let depth = path.len().saturating_sub(1);
    let root = path.last().filter(|_| depth > 0);
    let distrust = root.and_then(|root| Distrust::of_dates(root, depth, now));
    distrust.into_iter().collect()
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
