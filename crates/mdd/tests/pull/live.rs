//! APIs over the network: nginx stands where an engine's API would, with its paths, headers and pages.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::pki::{Identity, Wish};
use testkit::{Peer, Server, free_port, nginx_with};

use crate::harness::{Outcome, Platform, finish, signal};
use crate::sensu::Engine;

const KEY: &str = "3f1e6d84-key-of-the-live-test";

/// Files that nginx gives, in a folder that its worker may read.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A backend of Sensu Go with two pages of events in namespace iad2, over TLS; and the root that it is trusted by.
fn backend(pages: [&Value; 2]) -> (Server, PathBuf) {
    let folder = folder();
    let dir = folder.path().to_owned();
    for (name, page) in ["one", "two"].into_iter().zip(pages) {
        std::fs::write(dir.join(name), page.to_string()).unwrap();
    }
    let root = Identity::root("Sensu Root");
    let (cert, key) = root.issue(&Wish::names(&["localhost"])).write(&dir, "server", true);
    let (ca, _) = root.write(&dir, "root", false);
    let (port, dir) = (free_port(), dir.display());
    let server = nginx_with(
        folder,
        port,
        &format!(
            "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {}; default_type application/json;
               location = /api/core/v2/namespaces/iad2/events {{
                 if ($http_authorization != 'Key {KEY}') {{ return 401; }}
                 if ($arg_limit = '') {{ return 400; }}
                 if ($arg_continue = '') {{ rewrite ^ /one last; }}
                 if ($arg_continue = 'eyJ0IjoxfQ%3D%3D') {{ rewrite ^ /two last; }}
                 return 400;
               }}
               location = /one {{ internal; add_header Sensu-Continue 'eyJ0IjoxfQ=='; alias {dir}/one; }}
               location = /two {{ internal; alias {dir}/two; }}
               location /moved/ {{ return 302 https://localhost:{port}/api/core/v2/namespaces/iad2/events?limit=1; }}
               location /broken/ {{ return 500; }}
               location /cut/ {{ return 200 '[{{\"check\": {{\"metadata\"'; }}
               location /again/ {{ add_header Sensu-Continue same; return 200 '[]'; }}
             }}",
            cert.display(),
            key.display()
        ),
    );
    (server, ca)
}

/// The point `p`, in namespace iad2.
fn engine() -> Engine {
    let mut platform = Platform::new();
    platform.point("p", "[check-file, x]", &[]).tail("engines: {sensu-go: {namespace: iad2}}\n");
    std::fs::write(platform.path("key"), format!("{KEY}\n")).unwrap();
    Engine::of(platform)
}

fn pull(engine: &Engine, url: &str, ca: &Path, more: &[&str]) -> Outcome {
    let mut all = vec!["pull", "sensu-go", url, "--ca-file", ca.to_str().unwrap()];
    all.extend(more);
    engine.platform.mdd(&all)
}

#[test]
fn the_api_of_sensu_go_is_read_page_by_page_with_a_key() {
    let engine = engine();
    let mut other = engine.event();
    other["check"]["metadata"] = json!({"name": "load"});
    let (server, ca) = backend([&json!([other]), &json!([engine.event()])]);
    let url = format!("https://localhost:{}", server.port());
    let pulled = pull(&engine, &url, &ca, &["--key-file", "key"]).exits(0);
    pulled.says(&format!("sensu-go {url}")).says("iad2 1 new result").says("1 other check of no export");
    engine.platform.mdd(&["gate", "iad2"]).exits(0).says(&format!("source sensu-go {url}"));
    // From the environment as well; a slash at the end makes no other source of it.
    let mut command = engine.platform.command(&[
        "pull",
        "sensu-go",
        &format!("{url}/"),
        "--ca-file",
        ca.to_str().unwrap(),
        "--key-env",
        "KEY_OF_TEST",
    ]);
    let outcome = finish(command.env("KEY_OF_TEST", KEY).spawn().unwrap()).exits(0);
    outcome.says("0 new results · 1 known");
    let elsewhere = pull(&engine, &url, &ca, &["--key-file", "key", "--namespace", "other"]).exits(5);
    assert!(elsewhere.stderr.contains("404"), "{}", elsewhere.stderr);
}

#[test]
fn every_way_that_an_api_can_fail_is_exit_5_and_names_itself() {
    let engine = engine();
    let (server, ca) = backend([&json!([]), &json!([])]);
    let url = format!("https://localhost:{}", server.port());
    std::fs::write(engine.platform.path("wrong"), "another-key-of-the-test\n").unwrap();
    let root = Identity::root("Other Root").write(&engine.platform.path(""), "other", false).0;
    let by_address = format!("https://127.0.0.1:{}", server.port());
    let closed = format!("https://localhost:{}", free_port());
    let plain = format!("http://localhost:{}", server.port());
    let key = ["--key-file", "key"];
    for (url, ca, login, words) in [
        (url.clone(), &ca, &["--key-file", "wrong"][..], "401 Unauthorized [auth]"),
        (url.clone(), &ca, &[], "401 Unauthorized [auth]"),
        (url.clone(), &root, &key, "certificate"),
        (by_address, &ca, &key, "certificate"),
        (closed, &ca, &key, "[refused]"),
        (plain, &ca, &key, "400 Bad Request"),
        (format!("{url}/moved"), &ca, &key, "302 Found [status]"),
        (format!("{url}/broken"), &ca, &key, "500 Internal Server Error [status]"),
        (format!("{url}/cut"), &ca, &key, "no whole JSON document"),
        (format!("{url}/again"), &ca, &key, "its pages do not end"),
    ] {
        let stderr = pull(&engine, &url, ca, login).exits(5).stderr;
        assert!(stderr.contains(words), "{url}: `{words}` is not in {stderr}");
        assert!(!stderr.contains("key-of-the"), "a key is shown: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    assert!(!engine.platform.path(".mdd").exists(), "nothing is kept");
}

/// A peer that hears a request, and whose answer never ends: `part`, again and again.
fn answers(part: &str, pause: Duration) -> Peer {
    let part = part.to_owned();
    Peer::new(move |mut stream, over| {
        let heard = stream.read(&mut [0; 4096]).is_ok();
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[";
        let mut goes_on = heard && stream.write_all(head).is_ok();
        while goes_on && !over.load(Ordering::SeqCst) {
            goes_on = stream.write_all(part.as_bytes()).is_ok();
            std::thread::sleep(pause);
        }
    })
}

#[test]
fn a_peer_that_says_nothing_or_never_ends_is_left_in_time() {
    let engine = engine();
    let silent = Peer::silent();
    let dripping = answers(" ", Duration::from_millis(20));
    let endless = answers(&" ".repeat(64 * 1024), Duration::ZERO);
    for (peer, words) in [(&silent, "no answer"), (&dripping, "no answer"), (&endless, "[")] {
        let begun = Instant::now();
        let url = format!("http://{}", peer.address());
        let stderr = engine.platform.mdd(&["pull", "sensu-go", &url, "--timeout", "2s"]).exits(5).stderr;
        assert!(begun.elapsed() < Duration::from_secs(20), "{url}");
        assert!(stderr.contains(words), "{stderr}");
    }
    // A signal does not wait for it.
    let url = format!("http://{}", silent.address());
    let command = ["pull", "sensu-go", &url, "--timeout", "10m", "--every", "5s"];
    let child = engine.platform.command(&command).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, nix::sys::signal::Signal::SIGTERM);
    finish(child).exits(0);
}

#[test]
fn a_login_in_the_url_is_refused_and_not_repeated() {
    let engine = engine();
    for url in
        ["https://me:hunter2secret@localhost/", "https://hunter2secret@localhost/", "http://[hunter2secret/"]
    {
        let outcome = engine.platform.mdd(&["pull", "sensu-go", url]).exits(2);
        assert!(!outcome.stderr.contains("hunter2secret"), "{}", outcome.stderr);
    }
    engine.platform.mdd(&["pull", "sensu-go", "http://localhost/?a=b"]).exits(2);
    engine.platform.mdd(&["pull", "sensu-go", "https://localhost/", "--key-file", "nowhere"]).exits(2);
    engine.platform.mdd(&["pull", "sensu-go", "https://localhost/", "--ca-file", "nowhere"]).exits(2);
}

#[test]
fn the_api_of_sensu_classic_is_read_with_its_silences() {
    let engine = engine();
    let folder = folder();
    let dir = folder.path().to_owned();
    std::fs::write(dir.join("results"), json!([engine.result()]).to_string()).unwrap();
    let silence =
        json!([{"id": "*:p", "subscription": null, "check": "p", "creator": "alex", "reason": "cards"}]);
    std::fs::write(dir.join("silenced"), silence.to_string()).unwrap();
    let (port, dir) = (free_port(), dir.display());
    // `admin:secret-of-classic`, as HTTP's basic login writes it.
    let login = "Basic YWRtaW46c2VjcmV0LW9mLWNsYXNzaWM=";
    let server = nginx_with(
        folder,
        port,
        &format!(
            "server {{ listen 127.0.0.1:{port}; default_type application/json; root {dir};
               if ($http_authorization != '{login}') {{ return 401; }} }}"
        ),
    );
    let url = format!("http://{}", server.address());
    engine.platform.mdd(&["pull", "sensu-classic", &url]).exits(5);
    std::fs::write(engine.platform.path("password"), "secret-of-classic\n").unwrap();
    let login = ["--user", "admin", "--password-file", "password"];
    engine.platform.mdd(&[&["pull", "sensu-classic", &url][..], &login[2..]].concat()).exits(2);
    let pulled = engine.platform.mdd(&[&["pull", "sensu-classic", &url][..], &login].concat()).exits(0);
    pulled.says("iad2 1 new result").says("silenced in Sensu Classic by alex: cards");
    engine.platform.mdd(&["gate", "iad2"]).exits(0).says(&format!("source sensu-classic {url}"));
}
