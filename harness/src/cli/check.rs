//! stub
#[derive(Debug, clap::Args)]
pub struct CheckArgs {}
impl CheckArgs {
    pub fn execute(self) -> Result<u8, super::Refusal> {
        Ok(2)
    }
}
