use clap::Args;
#[derive(Debug, Args)]
pub struct Show {}
pub fn run(_v: &Show, _c: &super::Context) -> crate::outcome::Result<u8> {
    Ok(0)
}
