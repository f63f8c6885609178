//! What a command of `host` is written with: a manifest, arguments, SQL, Redis, Docker, questions, and an ending.
//!
//! A command is a folder with three files. `Cargo.toml` depends on `host-sdk`; `command.toml` says what the
//! command is and what it asks for; `src/main.rs` is this:
//!
//! ```
//! use host_sdk::sql::Database;
//! use host_sdk::{Host, Result, clap, out, params};
//!
//! #[derive(clap::Args)]
//! struct Args {
//!     /// Only orders above this sum
//!     #[arg(long, value_name = "EUROS", default_value_t = 0)]
//!     above: i64,
//! }
//!
//! # #[cfg(any())] // this example has no command.toml
//! host_sdk::command!(report);
//!
//! fn report(args: Args, _host: &Host) -> Result<()> {
//!     let database = Database::open("default")?;
//!     for row in database.query("SELECT id, title FROM orders WHERE total > $1", params![args.above])? {
//!         let row = row?;
//!         out!("{}  {}", row.get::<i64>("id")?, row.get::<&str>("title")?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`command!`] embeds the manifest, writes `main`, and writes a test that the manifest's `options` are those of the
//! arguments: `host completions` offers what stands there. `--help` shows the manifest's examples, usage and exit
//! codes; `--yes`, `--no-input`, `--json`, `--quiet` and `-v` are always there, and mean the same before and after the
//! command's name. A command ends with `Ok`, with an [`Ending`] of its own (`Ok(Ending::NotMet)` after a check), or with
//! an [`Error`], which is shown with its hints, or as JSON, and knows its exit code.
//!
//! The powers a component imports are exactly those whose functions its code can reach: nobody calls
//! [`sql::Database::execute`], nothing imports `host:sql/write`. The linker removes the rest, so there is no feature to choose.
//!
//! - [`out!`] writes data to stdout, [`talk!`], [`detail!`] and [`warning!`] talk on stderr, [`Host::json`] writes a document.
//! - [`Host`] asks questions, shows progress, reads configuration. [`sql`] reads and changes databases, [`redis`] Redis servers,
//!   [`broadcast`] tells websocket connections to close or reload, [`docker`] works on the containers of a compose project.
//! - Files, environment and clocks are those of `std`: a granted file opens under its path in the project.

mod arguments;
mod ending;
mod error;
mod help;
mod host_calls;
mod manifest;
#[doc(hidden)]
pub mod output;

pub mod broadcast;
pub mod command_line;
pub mod docker;
pub mod duration;
pub mod redis;
pub mod sql;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit/command", "../../wit/terminal", "../../wit/sql", "../../wit/redis", "../../wit/broadcast", "../../wit/docker", "../../wit/wasi-config"],
        inline: "
            package host:sdk@0.1.0;
            world guest {
                import host:command/run@0.1.0;
                import host:terminal/settings@0.1.0;
                import host:terminal/prompt@0.1.0;
                import host:terminal/progress@0.1.0;
                import host:sql/types@0.1.0;
                import host:sql/read@0.1.0;
                import host:sql/write@0.1.0;
                import host:sql/schema@0.1.0;
                import host:sql/lock@0.1.0;
                import host:sql/admin@0.1.0;
                import host:redis/types@0.1.0;
                import host:redis/read@0.1.0;
                import host:redis/write@0.1.0;
                import host:redis/delete@0.1.0;
                import host:redis/publish@0.1.0;
                import host:redis/pipeline@0.1.0;
                import host:broadcast/types@0.1.0;
                import host:broadcast/%list@0.1.0;
                import host:broadcast/drop@0.1.0;
                import host:broadcast/reload@0.1.0;
                import host:docker/types@0.1.0;
                import host:docker/inspect@0.1.0;
                import host:docker/logs@0.1.0;
                import host:docker/shared@0.1.0;
                import host:docker/start-stop@0.1.0;
                import host:docker/create@0.1.0;
                import host:docker/remove@0.1.0;
                import host:docker/network@0.1.0;
                import host:docker/volume@0.1.0;
                import host:docker/pull@0.1.0;
                import host:docker/build@0.1.0;
                import host:docker/exec@0.1.0;
                import wasi:config/store@0.2.0-rc.1;
            }
        ",
        world: "host:sdk/guest",
        generate_all,
        additional_derives: [PartialEq],
    });
}

pub use clap;
pub use serde;
pub use serde_json;

pub use self::arguments::{call_constructors, run};
/// The functions of `wit/` as they are, for what this library does not wrap.
pub use self::bindings::{host, wasi};
pub use self::ending::{Ending, Report};
pub use self::error::{Error, Failure, Result};
pub use self::host_calls::{Host, Progress, Settings};
pub use self::manifest::Manifest;
#[doc(hidden)]
pub use self::manifest::check_options;
pub use self::output::flush;
#[doc(hidden)]
pub use host_sdk_macros::manifest as manifest_of_macros;

/// Makes a command of a function `fn(Args, &Host) -> Result<()>`: embeds `command.toml`, which lies beside Cargo.toml,
/// and writes `main`. `Args` derives `clap::Args`; a command without options takes [`NoArgs`].
#[macro_export]
macro_rules! command {
    ($run:ident) => {
        $crate::embed_manifest!();

        static MANIFEST: $crate::Manifest = {
            use $crate::Manifest;
            $crate::manifest_of_macros!("command.toml")
        };

        fn main() {
            $crate::run(&MANIFEST, $run);
        }

        #[cfg(test)]
        mod manifest {
            #[test]
            fn options_of_the_manifest_are_those_of_the_arguments() {
                $crate::check_options(&super::MANIFEST, super::$run);
            }
        }
    };
}

/// Only embeds `command.toml`, for a component with a `main` of its own, which calls [`call_constructors`] first.
#[macro_export]
macro_rules! embed_manifest {
    () => {
        #[used]
        #[cfg_attr(target_family = "wasm", unsafe(link_section = "host:command"))]
        static COMMAND_TOML: [u8; include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/command.toml")).len()] =
            *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/command.toml"));
    };
}

/// The arguments of a command that has none but the common options.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct NoArgs {}
