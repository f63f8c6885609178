//! `admin`.
pub struct StagedDatabase {}
