use clap::Args;
#[derive(Debug, Args)]
pub struct Runs {}
pub fn run(_v: &Runs, _c: &super::Context) -> crate::outcome::Result<u8> {
    Ok(0)
}
