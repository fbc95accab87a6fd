//! NRPE serves every exported command.
