//! The real servers that several tests talk to, each with its own folder and port.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Server, free_port};

fn folder() -> TempDir {
    TempDir::with_prefix("verdigris-server-").expect("make a folder for a server")
}

/// nginx with one server, in which `locations` stands: `location / { return 200 "hello"; }`.
pub fn nginx(locations: &str) -> Server {
    let port = free_port();
    nginx_with(folder(), port, &format!("server {{ listen 127.0.0.1:{port}; {locations} }}"))
}

/// nginx with these servers, one of which listens on 127.0.0.1:`port`; their files may stand in `folder`.
pub fn nginx_with(folder: TempDir, port: u16, servers: &str) -> Server {
    let dir = folder.path().display();
    let config = format!(
        "daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
         events {{ worker_connections 256; }}
         http {{
             access_log off;
             client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
             uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
             {servers}
         }}"
    );
    let file = folder.path().join("nginx.conf");
    fs::write(&file, config).expect("write nginx.conf");
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.arg("-p").arg(folder.path()).arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(&file);
    Server::start(nginx, port, folder)
}

/// tinyproxy, an HTTP proxy for clients of 127.0.0.1, with more `lines` of its configuration: `BasicAuth me secret`.
pub fn tinyproxy(lines: &str) -> Server {
    let (folder, port) = (folder(), free_port());
    let file = folder.path().join("tinyproxy.conf");
    let config = format!(
        "Port {port}\nListen 127.0.0.1\nTimeout 30\nMaxClients 50\nAllow 127.0.0.1\nLogLevel Connect\n{lines}\n"
    );
    fs::write(&file, config).expect("write tinyproxy.conf");
    let mut tinyproxy = Command::new("/usr/bin/tinyproxy");
    tinyproxy.arg("-d").arg("-c").arg(&file);
    Server::start(tinyproxy, port, folder)
}

/// unbound, which answers from what `lines` say only: they stand in its `server:` section, such as
/// `local-zone: "example." static` and `local-data: "www.example. A 192.0.2.1"`.
pub fn unbound(lines: &str) -> Server {
    let (folder, port) = (folder(), free_port());
    let dir = folder.path().display();
    let config = format!(
        "server:
         interface: 127.0.0.1@{port}
         port: {port}
         access-control: 127.0.0.0/8 allow
         do-daemonize: no
         do-ip6: no
         username: \"\"
         chroot: \"\"
         directory: \"{dir}\"
         pidfile: \"{dir}/pid\"
         use-syslog: no
         logfile: \"\"
         module-config: \"iterator\"
         num-threads: 1
         {lines}
         remote-control:
         control-enable: no\n"
    );
    let file = folder.path().join("unbound.conf");
    fs::write(&file, config).expect("write unbound.conf");
    let mut unbound = Command::new("/usr/sbin/unbound");
    unbound.args(["-d", "-p", "-c"]).arg(&file);
    Server::start(unbound, port, folder)
}

/// chronyd, which takes this host's clock for right and never touches it. `lines` are of `chrony.conf(5)`; without any it is
/// of stratum 3.
pub fn chronyd(lines: &str) -> Server {
    let (folder, port) = (folder(), free_port());
    let dir = folder.path().display();
    let lines = if lines.is_empty() { "local stratum 3" } else { lines };
    let config = format!(
        "port {port}\nbindaddress 127.0.0.1\ncmdport 0\nbindcmdaddress /\nallow 127.0.0.0/8\n\
         pidfile {dir}/pid\ndriftfile {dir}/drift\n{lines}\n"
    );
    let file = folder.path().join("chrony.conf");
    fs::write(&file, config).expect("write chrony.conf");
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).expect("look for this user");
    let mut chronyd = Command::new("/usr/sbin/chronyd");
    chronyd.args(["-x", "-U", "-d", "-f"]).arg(&file);
    if let Some(user) = user {
        chronyd.args(["-u", &user.name]);
    }
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("make a socket");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("set the timeout");
    // A request of version 4 in client mode.
    let request = [&[0x23][..], &[0; 47]].concat();
    let answers = move || {
        // Nobody listens yet: the next try will tell.
        let _refused = socket.send_to(&request, (Ipv4Addr::LOCALHOST, port));
        socket.recv(&mut [0; 48]).is_ok()
    };
    Server::start_until(chronyd, port, folder, answers)
}

/// OpenSSH's sshd with a fresh host key. Nobody can log in.
pub fn sshd() -> Server {
    let (folder, port) = (folder(), free_port());
    let key = folder.path().join("host_key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.expect("start ssh-keygen").success(), "ssh-keygen failed");
    // Where sshd locks in the part that talks to strangers; as root it insists on it.
    fs::create_dir_all("/run/sshd")
        .or_else(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => Ok(()),
            _ => Err(error),
        })
        .expect("make /run/sshd");
    let file = folder.path().join("sshd_config");
    let config = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile none\nUsePAM no\nPasswordAuthentication no\n\
         PubkeyAuthentication no\nMaxStartups 100\n",
        key.display()
    );
    fs::write(&file, config).expect("write sshd_config");
    let mut sshd = Command::new("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-f"]).arg(&file);
    Server::start(sshd, port, folder)
}

#[cfg(test)]
mod tests {
    use super::{nginx, sshd, tinyproxy, unbound};
    use crate::run;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    #[test]
    fn nginx_answers_and_ends() {
        let server = nginx(r#"location / { return 200 "hello\n"; }"#);
        let mut stream = TcpStream::connect(server.address()).expect("connect");
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read the answer");
        assert!(answer.ends_with("hello\n"), "{answer}");
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "nginx still listens");
    }

    #[test]
    fn tinyproxy_passes_requests_on() {
        let (proxy, server) = (tinyproxy(""), nginx(r#"location / { return 200 "hello\n"; }"#));
        let mut stream = TcpStream::connect(proxy.address()).expect("connect");
        write!(stream, "GET http://{}/ HTTP/1.0\r\n\r\n", server.address()).expect("ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read the answer");
        assert!(answer.ends_with("hello\n"), "{answer} {}", proxy.log());
    }

    #[test]
    fn unbound_answers() {
        let server = unbound("local-zone: \"example.\" static\nlocal-data: \"www.example. A 192.0.2.1\"\n");
        let port = server.port().to_string();
        let ran = run("dig", ["@127.0.0.1", "-p", &port, "+short", "www.example", "A"]);
        assert_eq!(ran.stdout, "192.0.2.1\n", "{}", server.log());
    }

    #[test]
    fn sshd_greets() {
        let server = sshd();
        let mut greeting = [0; 8];
        TcpStream::connect(server.address()).expect("connect").read_exact(&mut greeting).expect("read");
        assert_eq!(&greeting, b"SSH-2.0-");
    }
}
