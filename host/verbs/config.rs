use clap::Args;
#[derive(Debug, Args)]
pub struct Config {}
pub fn run(_v: &Config, _c: &super::Context) -> crate::outcome::Result<u8> {
    Ok(0)
}
