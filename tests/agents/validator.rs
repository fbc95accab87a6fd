//! What Sensu's own parsers and validators refuse, as far as an export may come near it.

pub mod sensu_classic;
pub mod sensu_go;
pub mod template;
pub mod yaml;
