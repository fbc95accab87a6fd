//! Monitoring Driven Deployment: a manifest of integration points, and the commands that take a datacenter
//! from red to green.

pub mod cli;
pub mod commands;
pub mod diagnostic;
pub mod engine;
pub mod exit;
pub mod export;
pub mod history;
pub mod manifest;
pub mod page;
pub mod plan;
pub mod programs;
pub mod pull;
pub mod quote;
pub mod render;
pub mod select;
pub mod table;
