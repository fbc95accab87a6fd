//! One question to one server: hickory's resolver, held to what glibc's stub does.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready as or_pending};
use std::time::{Duration, Instant};

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime,
};
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::DnsExchange;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{ConnectionProvider, PoolContext, Resolver};
use plugin::{Failure, Reason, Result, io_text};
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

use super::ResolvConf;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What one server said of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Addresses, at least one.
    Found(Vec<IpAddr>),
    /// The name does not exist (NXDOMAIN).
    NoName,
    /// The name exists and has no address of the kinds asked for.
    NoAddress,
    /// An answer that is an error: `SERVFAIL`, `REFUSED`, rubbish.
    Failed(String),
    /// No answer in time.
    Silent,
    /// The kernel says that nothing is there: `refused`, `no route to host`.
    Unreachable(String),
}

/// Asks `server` for the addresses of `name`, which is taken as complete, for at most `wait`.
///
/// All types are asked for at the same time; the answers are one.
pub(super) async fn ask(
    server: SocketAddr,
    name: &Name,
    types: &[RecordType],
    wait: Duration,
    conf: &ResolvConf,
) -> Result<Answer> {
    let started = Instant::now();
    let sockets = Connected::new(server);
    let resolver = resolver(&sockets, wait, conf)?;
    let questions: Vec<_> = types
        .iter()
        .map(|kind| {
            let (resolver, name, kind) = (resolver.clone(), name.clone(), *kind);
            tokio::spawn(async move { resolver.lookup(name, kind).await })
        })
        .collect();
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        let left = wait.saturating_sub(started.elapsed());
        answers.push(match tokio::time::timeout(left, question).await {
            Ok(answer) => read(answer?, &sockets),
            Err(_) => Answer::Silent,
        });
    }
    Ok(merge(answers))
}

fn read(answer: Result<Lookup, NetError>, sockets: &Connected) -> Answer {
    match answer {
        Ok(lookup) => {
            let address = |data: &RData| match data {
                RData::A(a) => Some(IpAddr::from(a.0)),
                RData::AAAA(aaaa) => Some(IpAddr::from(aaaa.0)),
                _ => None,
            };
            let found: Vec<_> = lookup.answers().iter().filter_map(|record| address(&record.data)).collect();
            if found.is_empty() { Answer::NoAddress } else { Answer::Found(found) }
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(NoRecords {
            response_code: ResponseCode::NXDomain,
            ..
        }))) => Answer::NoName,
        Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Answer::NoAddress,
        Err(NetError::Dns(DnsError::ResponseCode(code))) => Answer::Failed(code_word(code)),
        Err(NetError::Timeout) => Answer::Silent,
        // What the pool makes of a socket's error.
        Err(NetError::NoConnections) => {
            Answer::Unreachable(sockets.trouble.get().map_or("no connection", String::as_str).to_owned())
        }
        Err(NetError::Io(error)) => Answer::Unreachable(io_text(&error)),
        Err(other) => Answer::Failed(other.to_string()),
    }
}

/// The mnemonic of RFC 6895, as `dig` shows it.
fn code_word(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        other => format!("code {}", u16::from(other)),
    }
}

// Addresses outweigh everything: half an answer is one. Then what another server may know better, then what is certain.
fn merge(answers: Vec<Answer>) -> Answer {
    let mut addresses = Vec::new();
    let mut rest = Answer::NoName;
    let weight = |answer: &Answer| match answer {
        Answer::Found(_) | Answer::NoName => 0,
        Answer::NoAddress => 1,
        Answer::Unreachable(_) => 2,
        Answer::Silent => 3,
        Answer::Failed(_) => 4,
    };
    for answer in answers {
        match answer {
            Answer::Found(found) => addresses.extend(found),
            other if weight(&other) > weight(&rest) => rest = other,
            _ => {}
        }
    }
    if addresses.is_empty() { rest } else { Answer::Found(addresses) }
}

fn resolver(sockets: &Connected, wait: Duration, conf: &ResolvConf) -> Result<Resolver<OneTry>> {
    let server = sockets.server;
    let connection = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    let tcp = connection(ConnectionConfig::tcp());
    let connections = if conf.use_vc { vec![tcp] } else { vec![connection(ConnectionConfig::udp()), tcp] };
    let config = ResolverConfig::from_parts(
        None,
        Vec::new(),
        vec![NameServerConfig::new(server.ip(), true, connections)],
    );
    let mut builder = Resolver::builder_with_config(config, OneTry(sockets.clone()));
    let options: &mut ResolverOpts = builder.options_mut();
    options.timeout = wait;
    // The loop over servers and attempts is ours: hickory asks two at a time and sorts them by speed.
    options.attempts = 0;
    options.num_concurrent_reqs = 1;
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = 0;
    options.edns0 = conf.edns0;
    builder.build().map_err(|error| Failure::new(Reason::Internal, format!("set up the resolver: {error}")))
}

/// Opens connections on which a question over UDP is sent once, as glibc does: hickory would send it three times, and
/// hide the packets that an application loses.
#[derive(Clone)]
struct OneTry(Connected);

impl ConnectionProvider for OneTry {
    type Conn = DnsExchange<Connected>;
    type FutureConn = Boxed<'static, Result<Self::Conn, NetError>>;
    type RuntimeProvider = Connected;

    fn new_connection(
        &self,
        ip: IpAddr,
        config: &ConnectionConfig,
        context: &PoolContext,
    ) -> Result<Self::FutureConn, NetError> {
        if !matches!(config.protocol, ProtocolConfig::Udp) {
            return self.0.new_connection(ip, config, context);
        }
        let stream = UdpClientStream::builder(SocketAddr::new(ip, config.port), self.0.clone())
            .with_timeout(Some(context.options.timeout))
            .with_max_retries(1);
        Ok(Box::pin(async { Ok(stream.exchange()) }))
    }

    fn runtime_provider(&self) -> &Self::RuntimeProvider {
        &self.0
    }
}

/// Sockets of tokio, the UDP ones connected to the server: only then does the kernel say that nobody listens there, and
/// the next server is asked at once, as in glibc. It also drops what comes from elsewhere.
#[derive(Clone)]
struct Connected {
    tokio: TokioRuntimeProvider,
    /// With its zone, which hickory does not carry.
    server: SocketAddr,
    /// The first error of a socket, which hickory's pool does not hand on.
    trouble: Arc<OnceLock<String>>,
}

impl Connected {
    fn new(server: SocketAddr) -> Connected {
        Connected { tokio: TokioRuntimeProvider::new(), server, trouble: Arc::default() }
    }
}

fn noted<T>(result: io::Result<T>, trouble: &OnceLock<String>) -> io::Result<T> {
    result.inspect_err(|error| {
        trouble.get_or_init(|| io_text(error));
    })
}

impl RuntimeProvider for Connected {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = ConnectedUdp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.tokio.create_handle()
    }

    fn connect_tcp(
        &self,
        _server: SocketAddr,
        local: Option<SocketAddr>,
        wait: Option<Duration>,
    ) -> Boxed<'static, io::Result<Self::Tcp>> {
        let (connect, trouble) = (self.tokio.connect_tcp(self.server, local, wait), self.trouble.clone());
        Box::pin(async move { noted(connect.await, &trouble) })
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Boxed<'static, io::Result<Self::Udp>> {
        let (target, trouble) = (self.server, self.trouble.clone());
        Box::pin(async move {
            let socket = UdpSocket::bind(local).await?;
            noted(socket.connect(target).await, &trouble)?;
            Ok(ConnectedUdp { socket, server, trouble })
        })
    }
}

struct ConnectedUdp {
    socket: UdpSocket,
    server: SocketAddr,
    trouble: Arc<OnceLock<String>>,
}

impl DnsUdpSocket for ConnectedUdp {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(buffer);
        or_pending!(self.socket.poll_recv(cx, &mut buffer))?;
        Poll::Ready(Ok((buffer.filled().len(), self.server)))
    }

    // The provided one waits for readability only, which a refusal is not.
    fn recv_from<'a, 'b, 'c>(&'a self, buffer: &'b mut [u8]) -> Boxed<'c, io::Result<(usize, SocketAddr)>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            loop {
                let ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
                let result = if ready.is_readable() {
                    self.socket.try_recv(buffer)
                } else {
                    let error = || {
                        self.socket.take_error().and_then(|error| Err(error.unwrap_or(WOULD_BLOCK.into())))
                    };
                    self.socket.try_io(Interest::ERROR, error)
                };
                match result {
                    Err(error) if error.kind() == WOULD_BLOCK => {}
                    result => return noted(result, &self.trouble).map(|length| (length, self.server)),
                }
            }
        })
    }

    fn poll_send_to(&self, cx: &mut Context<'_>, bytes: &[u8], _: SocketAddr) -> Poll<io::Result<usize>> {
        self.socket.poll_send(cx, bytes)
    }
}

const WOULD_BLOCK: io::ErrorKind = io::ErrorKind::WouldBlock;

#[cfg(test)]
mod tests {
    use super::{Answer, merge};

    #[test]
    fn half_an_answer_is_one() {
        let v4: std::net::IpAddr = [10, 0, 0, 1].into();
        assert_eq!(merge(vec![Answer::Found(vec![v4]), Answer::Silent]), Answer::Found(vec![v4]));
        assert_eq!(merge(vec![Answer::NoAddress, Answer::NoName]), Answer::NoAddress);
        assert_eq!(merge(vec![Answer::NoName, Answer::NoName]), Answer::NoName);
        assert_eq!(merge(vec![Answer::NoName, Answer::Silent]), Answer::Silent);
        assert_eq!(
            merge(vec![Answer::Silent, Answer::Failed("SERVFAIL".into())]),
            Answer::Failed("SERVFAIL".into())
        );
    }
}
