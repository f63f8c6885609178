//! Migrations in sqlx's format: files, state, plans, and their application.
pub mod apply;
pub mod blame;
pub mod checksum;
mod excerpt;
pub mod failure;
pub mod files;
pub mod ledger;
pub mod lock;
#[cfg(test)]
mod memory;
pub mod migrate;
pub mod plan;
pub mod report;
pub mod show;
pub mod sql;
pub mod state;
pub mod statements;
mod suggest;
pub mod syncdb;
pub mod talk;
pub mod view;
pub mod wait;
