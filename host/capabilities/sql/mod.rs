use wasmtime::component::*;
pub struct SqlCtx; impl SqlCtx { pub fn stub()->Self{Self} pub async fn shutdown(&mut self){} }
pub struct SqlView<'a>{pub ctx:&'a mut SqlCtx, pub table:&'a mut ResourceTable}
pub fn add_to_linker<T>(_l:&mut Linker<T>, _p:&std::collections::BTreeSet<crate::grants::SqlPower>, _f: fn(&mut T)->SqlView<'_>)->wasmtime::Result<()> {Ok(())}
