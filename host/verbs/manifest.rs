use clap::Args;
#[derive(Debug, Args)]
pub struct Manifest {}
pub fn run(_v: &Manifest, _c: &super::Context) -> crate::outcome::Result<u8> {
    Ok(0)
}
