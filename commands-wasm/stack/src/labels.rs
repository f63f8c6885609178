//! Labels by which Compose, and we, know what belongs to a project. The project's own, its folder and its files are
//! written by the host.

pub const PROJECT: &str = "com.docker.compose.project";
pub const SERVICE: &str = "com.docker.compose.service";
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
pub const NUMBER: &str = "com.docker.compose.container-number";
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
pub const VERSION: &str = "com.docker.compose.version";
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// Id of the image that the container was made of: Compose recreates one that does not say it.
pub const IMAGE: &str = "com.docker.compose.image";
/// The name of the container that this one stands in for; with a temporary name it is not done yet.
pub const REPLACE: &str = "com.docker.compose.replace";
pub const NETWORK: &str = "com.docker.compose.network";
pub const VOLUME: &str = "com.docker.compose.volume";
/// Ours: what a service's keys said, hashed one by one.
pub const KEYS: &str = "host.config";
/// Ours: what secrets and configs held, as digests that only the user who made them can compare.
pub const VALUES: &str = "host.values";
/// Ours: the machine's reverse proxy.
pub const REVERSE_PROXY: &str = "host.reverse-proxy";
