//! The certificates of the services: a throw-away authority, made anew for each rehearsal, whose keys are not kept.

use openssl::error::ErrorStack;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use pki::{Identity, Wish};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::services::{SERVICES, Service};

/// The root, for those who are to trust it.
pub fn root(out: &Path) -> PathBuf {
    out.join("ca.crt")
}

/// Where the services find their certificates and keys.
pub fn folder(out: &Path) -> PathBuf {
    out.join("tls")
}

/// Makes the authority, and a certificate below it for every service that speaks TLS.
pub fn make(out: &Path) -> Result<(), String> {
    let (root_file, folder) = (root(out), folder(out));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .map_err(|error| format!("create {}: {error}", folder.display()))?;
    let root = Identity::root("Rehearsal root");
    let pem = root.cert.to_pem().map_err(|error| format!("write the root as PEM: {error}"))?;
    std::fs::write(&root_file, pem).map_err(|error| format!("write {}: {error}", root_file.display()))?;
    let issuer = root.intermediate("Rehearsal services");
    for service in SERVICES.iter().filter(|service| service.talk.is_encrypted()) {
        issuer.issue(&Wish::names(&[&service.full_name()])).write(&folder, service.name, true);
    }
    Ok(())
}

/// What a service shows its clients.
pub fn acceptor(service: &Service, folder: &Path) -> Result<SslAcceptor, String> {
    let file = |ending| folder.join(format!("{}.{ending}", service.name));
    let (chain, key) = (file("crt"), file("key"));
    let read = || -> Result<SslAcceptor, ErrorStack> {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_certificate_chain_file(&chain)?;
        acceptor.set_private_key_file(&key, SslFiletype::PEM)?;
        acceptor.check_private_key()?;
        Ok(acceptor.build())
    };
    read().map_err(|error| format!("read {} and {}: {error}", chain.display(), key.display()))
}
