use clap::Args;
#[derive(Debug, Args)]
pub struct Grant {}
pub fn run(_v: &Grant, _c: &super::Context) -> crate::outcome::Result<u8> {
    Ok(0)
}
pub fn offer(
    _n: &str,
    _f: &crate::component::ComponentFile,
    _p: &crate::grants::Permitted,
    _c: &super::Context,
) -> crate::outcome::Result<bool> {
    Ok(false)
}
