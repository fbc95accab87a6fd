//! Running checks and judging what they say: processes in, facts, states and root causes out.

pub mod alerts;
pub mod execute;
pub mod explain;
pub mod facts;
pub mod graph;
pub mod output;
pub mod pool;
pub mod reading;
pub mod rollup;
pub mod snapshot;
pub mod state;
pub mod stop;
pub mod tally;

pub use explain::explain;
pub use facts::Facts;
pub use reading::{Reading, Status, Verdict};
pub use snapshot::{Snapshot, snapshot};
pub use state::{Options, Rule, State};
