//! The one integration test binary: the real `host` over real components, files and servers.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod harness;

mod build;
mod check_code_quality;
mod check_services;
mod connections;
mod connections_ending;
mod connections_workers;
mod docker;
mod docker_build;
mod docker_engine;
mod docker_exec;
mod docker_pull;
mod down;
mod flush_cache;
mod gateway;
mod gateway_browser;
mod gateway_limits;
mod gateway_redis;
mod generate_env;
mod grants;
mod init_db;
mod limits;
mod lock;
mod lockedmigrate;
mod manage;
mod migrate;
mod podman;
mod python;
mod redis;
mod redis_servers;
mod reverse_proxy;
mod run;
mod sql_postgres;
mod sql_sqlite;
mod store;
mod tidy;
mod up;
mod up_beside;
mod up_changes;
mod up_env;
mod up_failing;
mod up_killed;
mod up_terminal;
mod verbs;
mod wait4db;
