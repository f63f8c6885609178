//! Migrations in sqlx's format: files, state, plans, and their application.
pub mod apply;
pub mod blame;
mod cells;
pub mod checksum;
mod excerpt;
pub mod failure;
pub mod files;
pub mod init;
pub mod ledger;
pub mod lock;
#[cfg(test)]
mod memory;
pub mod migrate;
mod moment;
pub mod plan;
pub mod report;
pub mod show;
pub mod sql;
pub mod state;
pub mod statements;
pub mod store;
mod suggest;
pub mod syncdb;
pub mod talk;
pub mod view;
pub mod wait;
