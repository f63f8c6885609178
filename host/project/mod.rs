//! The project: `host.toml`, `.env`, where commands live, `host.lock`, the `.host` folder.
