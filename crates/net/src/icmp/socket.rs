//! The sockets: datagram where the kernel lets this group, else raw.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6,
    SockaddrStorage, bind, recvfrom, recvmsg, sendto, setsockopt, socket, sockopt,
};
use plugin::{Context as _, Failure, Reason, Result};

use super::Plan;
use super::packet::Format;
use super::trouble::{Trouble, What};

/// `IP_MTU_DISCOVER` of ip(7), for which nix has no wrapper of its own, but a macro that makes one.
#[derive(Debug, Clone, Copy)]
struct MtuDiscover;

nix::setsockopt_impl!(
    MtuDiscover,
    libc::IPPROTO_IP,
    libc::IP_MTU_DISCOVER,
    libc::c_int,
    sockopt::SetStruct<libc::c_int>
);

/// The kind of socket, as the kernel lets this user have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// For the groups in `net.ipv4.ping_group_range`.
    Datagram,
    /// With `CAP_NET_RAW`.
    Raw,
}

/// A socket for echoes of one family. It does not block.
#[derive(Debug)]
pub(super) struct Socket {
    pub fd: OwnedFd,
    pub means: Means,
    v6: bool,
}

/// An entry of the error queue. What it quotes of the request is in the buffer.
pub(super) struct Report {
    pub trouble: Trouble,
    /// This kernel refused to send: the caller of `send` knows of which packet.
    pub is_local: bool,
    /// Where the request went.
    pub about: Option<IpAddr>,
    /// Bytes quoted.
    pub length: usize,
}

impl Socket {
    pub fn open(v6: bool, plan: &Plan) -> Result<Socket> {
        let (fd, means) = allowed(v6)?;
        let socket = Socket { fd, means, v6 };
        socket.prepare(plan)?;
        Ok(socket)
    }

    pub fn format(&self) -> Format {
        Format { v6: self.v6, datagram: self.means == Means::Datagram }
    }

    fn prepare(&self, plan: &Plan) -> Result<()> {
        let fd = &self.fd;
        let set = |result: nix::Result<()>, what: &str| {
            result.because(Reason::Internal, format_args!("set {what} of the ICMP socket"))
        };
        if self.v6 {
            set(setsockopt(fd, sockopt::Ipv6RecvErr, &true), "IPV6_RECVERR")?;
            set(setsockopt(fd, sockopt::Ipv6DontFrag, &plan.dont_fragment), "IPV6_DONTFRAG")?;
        } else {
            set(setsockopt(fd, sockopt::Ipv4RecvErr, &true), "IP_RECVERR")?;
            if plan.dont_fragment {
                // Never a fragment, and an error with the path's MTU where a packet is too large.
                set(setsockopt(fd, MtuDiscover, &libc::IP_PMTUDISC_DO), "IP_MTU_DISCOVER")?;
            }
        }
        match (plan.ttl, self.v6) {
            (None, _) => {}
            (Some(ttl), false) => set(setsockopt(fd, sockopt::Ipv4Ttl, &i32::from(ttl)), "IP_TTL")?,
            (Some(ttl), true) => {
                set(setsockopt(fd, sockopt::Ipv6Ttl, &i32::from(ttl)), "IPV6_UNICAST_HOPS")?;
            }
        }
        if let Some(device) = &plan.device {
            setsockopt(fd, sockopt::BindToDevice, &OsString::from(device)).map_err(|error| match error {
                Errno::ENODEV => Failure::new(Reason::Usage, format!("no interface is named {device}")),
                Errno::EPERM => Failure::new(
                    Reason::Permission,
                    format!("send through {device}: this kernel wants CAP_NET_RAW for it"),
                ),
                other => Failure::new(Reason::Internal, format!("send through {device}: {}", other.desc())),
            })?;
        }
        // One that is not of this family concerns the other socket.
        if let Some(source) = plan.source.filter(|source| source.is_ipv6() == self.v6) {
            let address = SockaddrStorage::from(SocketAddr::new(source, 0));
            bind(fd.as_raw_fd(), &address).map_err(|error| match error {
                Errno::EADDRNOTAVAIL => {
                    Failure::new(Reason::Usage, format!("{source} is no address of this host"))
                }
                other => Failure::new(Reason::Internal, format!("send from {source}: {}", other.desc())),
            })?;
        }
        Ok(())
    }

    pub fn send(&self, packet: &[u8], to: SocketAddr) -> nix::Result<()> {
        // A raw socket would take a port for a protocol number.
        let to = match to {
            SocketAddr::V4(to) => SockaddrStorage::from(std::net::SocketAddrV4::new(*to.ip(), 0)),
            SocketAddr::V6(to) => {
                SockaddrStorage::from(std::net::SocketAddrV6::new(*to.ip(), 0, 0, to.scope_id()))
            }
        };
        sendto(self.fd.as_raw_fd(), packet, &to, MsgFlags::empty()).map(drop)
    }

    /// The next datagram, if one is there: its length and who sent it.
    pub fn receive(&self, buffer: &mut [u8]) -> Option<(usize, IpAddr)> {
        // Each error of the queue is told once on this way too; there are never more of them than packets.
        for _ in 0..super::MOST_PACKETS {
            match recvfrom::<SockaddrStorage>(self.fd.as_raw_fd(), buffer) {
                Ok((length, Some(from))) => {
                    if let Some(from) = ip_of(&from) {
                        return Some((length, from));
                    }
                }
                Err(Errno::EAGAIN) => return None,
                Ok((_, None)) | Err(_) => {}
            }
        }
        None
    }

    /// The next entry of the error queue (ip(7), `IP_RECVERR`), if one is there.
    pub fn report(&self, buffer: &mut [u8]) -> Option<Report> {
        let mut space = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
        let mut parts = [std::io::IoSliceMut::new(buffer)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message =
            recvmsg::<SockaddrStorage>(self.fd.as_raw_fd(), &mut parts, Some(&mut space), flags).ok()?;
        let about = message.address.as_ref().and_then(ip_of);
        for control in message.cmsgs().ok()? {
            let (error, from) = match control {
                ControlMessageOwned::Ipv4RecvErr(error, from) => {
                    let from =
                        from.map(|from| IpAddr::V4(Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr))));
                    (error, from)
                }
                ControlMessageOwned::Ipv6RecvErr(error, from) => {
                    (error, from.map(|from| IpAddr::V6(Ipv6Addr::from(from.sin6_addr.s6_addr))))
                }
                _ => continue,
            };
            let is_local = error.ee_origin == libc::SO_EE_ORIGIN_LOCAL;
            let trouble = if is_local {
                let mtu = (error.ee_info > 0).then_some(error.ee_info);
                Trouble::local(Errno::from_raw(error.ee_errno.cast_signed()), mtu)
            } else {
                let what = What::of(self.v6, error.ee_type, error.ee_code, error.ee_info);
                Trouble { what, from: Some(from.unwrap_or(self.unspecified())) }
            };
            return Some(Report { trouble, is_local, about, length: message.bytes });
        }
        None
    }

    fn unspecified(&self) -> IpAddr {
        if self.v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
    }
}

fn ip_of(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4: &SockaddrIn| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6: &SockaddrIn6| IpAddr::V6(v6.ip())))
}

fn allowed(v6: bool) -> Result<(OwnedFd, Means)> {
    let (family, protocol) = if v6 {
        (AddressFamily::Inet6, SockProtocol::IcmpV6)
    } else {
        (AddressFamily::Inet, SockProtocol::Icmp)
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    // Refused to groups out of the range, to root's too.
    if let Ok(fd) = socket(family, SockType::Datagram, flags, protocol) {
        return Ok((fd, Means::Datagram));
    }
    match socket(family, SockType::Raw, flags, protocol) {
        Ok(fd) => Ok((fd, Means::Raw)),
        Err(Errno::EPERM | Errno::EACCES) => {
            let group = nix::unistd::getegid();
            let message = format!("gid {group} is not in net.ipv4.ping_group_range; no CAP_NET_RAW");
            Err(Failure::new(Reason::Permission, message))
        }
        Err(Errno::EAFNOSUPPORT) => {
            let version = if v6 { 6 } else { 4 };
            Err(Failure::new(Reason::Unreachable, format!("this host has no IPv{version}")))
        }
        Err(error) => Err(Failure::new(Reason::Internal, format!("open an ICMP socket: {}", error.desc()))),
    }
}

/// The first address of an interface, as the C plugin takes one for `-s`.
///
/// Errors with [`Reason::Usage`] where there is none of this family.
pub fn address_of_interface(name: &str, v6: bool) -> Result<IpAddr> {
    let addresses = nix::ifaddrs::getifaddrs().because(Reason::Internal, "list the interfaces")?;
    let mut known = false;
    for entry in addresses.filter(|entry| entry.interface_name == name) {
        known = true;
        if let Some(address) = entry.address.as_ref().and_then(ip_of)
            && address.is_ipv6() == v6
        {
            return Ok(address);
        }
    }
    let version = if v6 { 6 } else { 4 };
    let message = if known {
        format!("interface {name} has no IPv{version} address")
    } else {
        format!("{name} is neither an address nor an interface of this host")
    };
    Err(Failure::new(Reason::Usage, message))
}
