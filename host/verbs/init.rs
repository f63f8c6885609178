use clap::Args;
#[derive(Debug, Args)]
pub struct Init {}
pub fn run(_v: &Init, _c: &super::Context) -> crate::outcome::Result<u8> {
    Ok(0)
}
