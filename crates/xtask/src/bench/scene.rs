//! What is measured against: mounts, processes and servers, all ended with the measurement.

use crate::shell::{self, Result, command};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// File systems that are mounted beside the machine's own.
const MOUNTS: usize = 20;
/// Processes that are started beside the machine's own.
const PROCESSES: usize = 500;
/// An address of its own, so that port 53 is free: the C plugin cannot be told another.
const DNS: &str = "127.0.0.153";

pub struct Scene {
    folder: PathBuf,
    children: Vec<Child>,
    places: Vec<(&'static str, String)>,
}

impl Scene {
    /// Sets it. Runs as root in a mount namespace of its own.
    pub fn set() -> Result<Scene> {
        let folder = std::env::temp_dir().join(format!("verdigris-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
        let mut scene = Scene { folder, children: Vec::new(), places: Vec::new() };
        scene.mount()?;
        for _ in 0..PROCESSES {
            scene.start(Command::new("sleep").arg("100000"))?;
        }
        scene.listen()?;
        scene.unbound()?;
        scene.nginx()?;
        Ok(scene)
    }

    /// Arguments with `{tcp}`, `{dns}` and the like replaced.
    pub fn fill(&self, args: &[&str]) -> Vec<String> {
        let fill = |arg: &&str| {
            let mut arg = (*arg).to_owned();
            for (name, value) in &self.places {
                arg = arg.replace(&format!("{{{name}}}"), value);
            }
            arg
        };
        args.iter().map(fill).collect()
    }

    fn mount(&self) -> Result<()> {
        for number in 0..MOUNTS {
            let place = self.folder.join(format!("mount{number}"));
            std::fs::create_dir_all(&place)
                .map_err(|error| format!("create {}: {error}", place.display()))?;
            // A file system of a disk's kind, which neither side passes over, without a disk.
            let mut mount = command("mount", &["-t", "ramfs", "-o", "size=1m", "none"]);
            shell::run(mount.arg(&place).stdout(Stdio::null())).or_else(|_| {
                let mut mount = command("mount", &["-t", "tmpfs", "-o", "size=1m", "none"]);
                shell::run(mount.arg(&place))
            })?;
        }
        Ok(())
    }

    /// A port where somebody accepts and hangs up.
    fn listen(&mut self) -> Result<()> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("listen: {error}"))?;
        let port = listener.local_addr().map_err(|error| format!("listen: {error}"))?.port();
        self.places.push(("tcp", port.to_string()));
        std::thread::spawn(move || listener.incoming().for_each(drop));
        Ok(())
    }

    fn unbound(&mut self) -> Result<()> {
        let folder = self.folder.display();
        let config = format!(
            "server:\n interface: {DNS}\n access-control: 127.0.0.0/8 allow\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n \
             directory: \"{folder}\"\n pidfile: \"{folder}/unbound.pid\"\n use-syslog: no\n do-ip6: no\n module-config: \"iterator\"\n \
             num-threads: 1\n local-zone: \"example.\" static\n local-data: \"www.example. A 192.0.2.1\"\n\
             remote-control:\n control-enable: no\n"
        );
        let file = self.write("unbound.conf", &config)?;
        self.start(Command::new("/usr/sbin/unbound").args(["-d", "-p", "-c"]).arg(file))?;
        self.places.push(("dns", DNS.to_owned()));
        wait_for(SocketAddr::from(([127, 0, 0, 153], 53)))
    }

    /// 1 kB in plain text and over TLS, with a certificate of an authority of its own.
    fn nginx(&mut self) -> Result<()> {
        let folder = self.folder.display().to_string();
        self.certificates()?;
        self.write("index.html", &"x".repeat(1023))?;
        let (http, https) = (free_port()?, free_port()?);
        let config = format!(
            "daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
             events {{ worker_connections 64; }}
             http {{
                 access_log off;
                 client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
                 uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                 server {{
                     listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl;
                     ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;
                     root {folder};
                 }}
             }}"
        );
        let file = self.write("nginx.conf", &config)?;
        self.start(
            Command::new("/usr/sbin/nginx").arg("-c").arg(file).args(["-e", &format!("{folder}/error.log")]),
        )?;
        self.places.extend([("http", http.to_string()), ("https", https.to_string())]);
        wait_for(SocketAddr::from((Ipv4Addr::LOCALHOST, http)))
    }

    fn certificates(&mut self) -> Result<()> {
        let folder = self.folder.display();
        let script = format!(
            "cd {folder} && exec 2>openssl.log\n\
             openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=Bench\n\
             openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost\n\
             printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >server.ext\n\
             openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile server.ext"
        );
        shell::run(command("sh", &["-e", "-c", &script]).stdout(Stdio::null()))?;
        self.places.push(("ca", self.folder.join("ca.crt").display().to_string()));
        Ok(())
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("write {}: {error}", path.display()))?;
        Ok(path)
    }

    fn start(&mut self, command: &mut Command) -> Result<()> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let name = command.get_program().to_string_lossy().into_owned();
        self.children.push(command.spawn().map_err(|error| format!("start {name}: {error}"))?);
        Ok(())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for child in &mut self.children {
            // nginx ends its workers when it is asked to; killed, it would leave them behind.
            let _gone = Command::new("kill").arg(child.id().to_string()).status();
        }
        for child in &mut self.children {
            let _gone = child.wait();
        }
        for number in 0..MOUNTS {
            let _unmounted = Command::new("umount").arg(self.folder.join(format!("mount{number}"))).status();
        }
        let _left = std::fs::remove_dir_all(Path::new(&self.folder));
    }
}

fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("find a port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("find a port: {error}"))
}

fn wait_for(address: SocketAddr) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address).is_err() {
        if Instant::now() >= end {
            return Err(format!("nobody listens at {address}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
