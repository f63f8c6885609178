use crate::gate::Gate;
use crate::grants::SqlPower;
use std::collections::*;
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime::component::*;
pub type Teller = Arc<dyn Fn(&str) + Send + Sync>;
pub struct SqlCtx;
impl SqlCtx {
    pub fn new(
        _g: Gate,
        _u: BTreeMap<String, String>,
        _p: BTreeMap<String, BTreeSet<SqlPower>>,
        _r: PathBuf,
        _l: PathBuf,
        _t: Teller,
    ) -> Self {
        Self
    }
    pub async fn shutdown(&mut self) {}
}
pub struct SqlView<'a> {
    pub ctx: &'a mut SqlCtx,
    pub table: &'a mut ResourceTable,
}
pub fn add_to_linker<T>(
    _l: &mut Linker<T>,
    _p: &std::collections::BTreeSet<crate::grants::SqlPower>,
    _f: fn(&mut T) -> SqlView<'_>,
) -> wasmtime::Result<()> {
    Ok(())
}
