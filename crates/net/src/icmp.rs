//! ICMP echo (RFC 792, RFC 4443) to many hosts at once, on one socket for each family, under a deadline.
//!
//! The kernel offers two ways: datagram sockets for the groups that `net.ipv4.ping_group_range` names ([icmp(7)]), and raw
//! sockets with the capability `CAP_NET_RAW`. The first is tried first. What routers and hosts answer instead of an echo is
//! read from the socket's error queue (`IP_RECVERR`, [ip(7)]), which works the same with both.
//!
//! [icmp(7)]: https://man7.org/linux/man-pages/man7/icmp.7.html
//! [ip(7)]: https://man7.org/linux/man-pages/man7/ip.7.html

mod packet;
mod schedule;
mod socket;
mod trouble;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use plugin::{Context as _, Deadline, Failure, Reason, Result};

pub use self::packet::MOST_PAYLOAD;
pub use self::schedule::Heard;
pub use self::socket::{Means, address_of_interface};
pub use self::trouble::{Trouble, What};

use self::packet::{Echo, Read};
use self::schedule::{Next, Schedule};
use self::socket::Socket;

/// Packets of one run: each has a sequence number of its own, and those have 16 bits.
pub const MOST_PACKETS: usize = 65_536;
/// When the kernel's buffers are full: how long until the next try.
const AGAIN: Duration = Duration::from_millis(2);

/// What to send, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Echo requests to each host, one at least.
    pub count: u16,
    /// From one packet to a host to the next.
    pub interval: Duration,
    /// Keep the interval also where the answer is in; else the next packet follows the answer at once.
    pub steady: bool,
    /// Least time between packets to different hosts while an answer is missing.
    pub host_interval: Duration,
    /// How long the missing answers are waited for after the last packet.
    pub wait: Duration,
    /// An answer that takes longer does not count.
    pub answer_within: Option<Duration>,
    /// The first answer of any host ends the run.
    pub until_first: bool,
    /// Bytes behind the ICMP header, [`MOST_PAYLOAD`] at most. The first eight are a token that answers have to repeat.
    pub payload: usize,
    /// Time to live, or hop limit, of the requests.
    pub ttl: Option<u8>,
    /// Never fragment, neither here (`IP_MTU_DISCOVER`, `IPV6_DONTFRAG`) nor on the way.
    pub dont_fragment: bool,
    /// Send from this address.
    pub source: Option<IpAddr>,
    /// Send through this interface only (`SO_BINDTODEVICE`).
    pub device: Option<String>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Echoes {
    /// One for each host, in their order.
    pub hosts: Vec<Heard>,
    /// The kind of socket that was used.
    pub means: Means,
}

/// Pings every host as planned. The ports of the addresses do not matter; a zone does.
///
/// It ends as soon as every packet has its answer, at the latest with the deadline: what is missing then is lost. Errors:
/// [`Reason::Permission`] where neither way is open to this user; [`Reason::Usage`] where source or interface are not this
/// host's, or hosts × count do not fit into [`MOST_PACKETS`]. A host that cannot be reached is no error of the run, see
/// [`Heard::trouble`].
pub fn ping(hosts: &[SocketAddr], plan: &Plan, deadline: &Deadline) -> Result<Echoes> {
    let packets = hosts.len() * usize::from(plan.count);
    if packets > MOST_PACKETS || plan.payload > MOST_PAYLOAD {
        let message = format!("{} hosts × {} packets are more than {MOST_PACKETS}", hosts.len(), plan.count);
        return Err(Failure::new(Reason::Usage, message));
    }
    if deadline.left().is_zero() {
        return Err(deadline.expired(&format!("ping {} hosts", hosts.len())));
    }
    let wire = Wire::open(hosts, plan)?;
    let means = wire.means();
    let mut schedule = Schedule::new(plan, hosts.len(), Instant::now());
    let end = Instant::now() + deadline.left();
    let mut buffer = vec![0; packet::buffer_size(plan.payload)];
    let mut has_waited = false;
    loop {
        let now = Instant::now();
        if now >= end {
            break;
        }
        match schedule.next(now) {
            Next::Over => break,
            Next::Send { host, seq } => match wire.send(hosts[host], seq) {
                Ok(()) => schedule.sent(host, seq, now),
                Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => schedule.hold(now + AGAIN),
                Err(error) => {
                    let mtu = wire.take_in(hosts, &mut schedule, &mut buffer);
                    schedule.failed(host, Trouble::local(error, mtu));
                }
            },
            Next::Wait { until } => {
                // Nothing else here blocks. Noted once: to note each packet would cost more than to send it.
                let what = format_args!("wait for answers to ICMP echo requests to {} hosts", hosts.len());
                if !has_waited && deadline.step(what).is_err() {
                    break;
                }
                has_waited = true;
                wire.wait(until.min(end).saturating_duration_since(now))?;
            }
        }
        wire.take_in(hosts, &mut schedule, &mut buffer);
    }
    Ok(Echoes { hosts: schedule.finish(), means })
}

/// The sockets of a run, and what is sent on them.
struct Wire {
    v4: Option<Socket>,
    v6: Option<Socket>,
    echo: Echo,
}

impl Wire {
    fn open(hosts: &[SocketAddr], plan: &Plan) -> Result<Wire> {
        let open = |v6: bool| -> Result<Option<Socket>> {
            let needed = hosts.iter().any(|host| host.is_ipv6() == v6);
            needed.then(|| Socket::open(v6, plan)).transpose()
        };
        Ok(Wire { v4: open(false)?, v6: open(true)?, echo: Echo::new(plan.payload) })
    }

    fn sockets(&self) -> impl Iterator<Item = &Socket> {
        [&self.v4, &self.v6].into_iter().flatten()
    }

    fn means(&self) -> Means {
        let raw = self.sockets().any(|socket| socket.means == Means::Raw);
        if raw { Means::Raw } else { Means::Datagram }
    }

    fn send(&self, host: SocketAddr, seq: u16) -> nix::Result<()> {
        let Some(socket) = (if host.is_ipv6() { &self.v6 } else { &self.v4 }) else {
            return Err(Errno::EAFNOSUPPORT);
        };
        let packet = self.echo.request(host.is_ipv6(), seq);
        match socket.send(&packet, host) {
            // An error of an earlier packet is told first, and once; the queue has its details.
            Err(error) if !matches!(error, Errno::EAGAIN | Errno::ENOBUFS) => socket.send(&packet, host),
            result => result,
        }
    }

    /// Until something comes in, or this time has passed.
    fn wait(&self, time: Duration) -> Result<()> {
        let mut fds: Vec<PollFd> =
            self.sockets().map(|socket| PollFd::new(socket.fd.as_fd(), PollFlags::POLLIN)).collect();
        match ppoll(&mut fds, Some(TimeSpec::from_duration(time)), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error).because(Reason::Internal, "wait for answers to ICMP echo requests"),
        }
    }

    /// Reads all that has come in. Returns the MTU that an own refusal to send names.
    fn take_in(&self, hosts: &[SocketAddr], schedule: &mut Schedule, buffer: &mut [u8]) -> Option<u32> {
        let mut mtu = None;
        for socket in self.sockets() {
            while let Some((length, from)) = socket.receive(buffer) {
                let now = Instant::now();
                let read = self.echo.read(socket.format(), &buffer[..length]);
                let (Read::Answer(seq) | Read::Damaged(seq)) = read else { continue };
                let Some(host) = schedule.host_of(seq) else { continue };
                if !answers_for(from, hosts[host].ip()) {
                    continue;
                }
                match read {
                    Read::Answer(_) => schedule.answered(seq, now),
                    _ => schedule.damaged(seq),
                }
            }
            while let Some(report) = socket.report(buffer) {
                if report.is_local {
                    mtu = report.trouble.what.mtu().or(mtu);
                    continue;
                }
                let quoted = self.echo.quoted(socket.format(), &buffer[..report.length]);
                let host = quoted.and_then(|seq| schedule.host_of(seq));
                if let Some(host) = host
                    && report.about.is_none_or(|about| about == hosts[host].ip())
                {
                    schedule.failed(host, report.trouble);
                }
            }
        }
        mtu
    }
}

/// RFC 1122, section 3.2.2.6: an answer comes from the address that was asked. Groups, and "this host", have others.
fn answers_for(from: IpAddr, asked: IpAddr) -> bool {
    from == asked || asked.is_multicast() || asked.is_unspecified()
}

#[cfg(test)]
mod tests;
