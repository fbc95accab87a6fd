//! IPv4, IPv6, or both: `-4` and `-6` of every network check.

use std::net::IpAddr;

/// Which addresses of a name may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// IPv4 and IPv6.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    /// Whether an address is of this family.
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        }
    }
}

/// `-4` and `-6`; the last one given wins.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct FamilyArgs {
    /// Use IPv4 only
    #[arg(short = '4', long, overrides_with = "use_ipv6")]
    pub use_ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long, overrides_with = "use_ipv4")]
    pub use_ipv6: bool,
}

impl From<FamilyArgs> for Family {
    fn from(args: FamilyArgs) -> Family {
        match (args.use_ipv4, args.use_ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        }
    }
}
