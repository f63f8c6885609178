//! What `--help` looks like: what it is, examples, usage, options, exit codes.

use clap::Command;

use crate::manifest::Manifest;

const TEMPLATE: &str = "{about}\n\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";
/// Every command has these; the manifest may say them in words of its own.
const EXIT_CODES: [(u8, &str); 4] = [(0, "ok"), (1, "failed"), (2, "wrong arguments"), (4, "a power was not granted")];

pub(crate) fn dress(command: Command, name: &str, manifest: &Manifest, width: u16) -> Command {
    let usage = manifest.usage.map_or_else(|| format!("{name} [OPTIONS]"), str::to_owned);
    command
        .about(manifest.about)
        .long_about(None)
        .override_usage(format!("host run {usage}"))
        .before_help(examples(manifest))
        .after_help(exit_codes(manifest))
        .help_template(TEMPLATE)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .term_width(usize::from(width).clamp(40, 160))
}

fn examples(manifest: &Manifest) -> String {
    let widest = manifest.examples.iter().map(|(run, _)| run.chars().count()).max().unwrap_or_default();
    let lines: Vec<String> = manifest.examples.iter().map(|(run, about)| format!("  host run {run:widest$}   {about}")).collect();
    if lines.is_empty() { String::new() } else { format!("Examples:\n{}", lines.join("\n")) }
}

fn exit_codes(manifest: &Manifest) -> String {
    let mut codes: Vec<(u8, &str)> = manifest.exit_codes.to_vec();
    codes.extend(EXIT_CODES.iter().filter(|(code, _)| manifest.exit_codes.iter().all(|(own, _)| own != code)));
    codes.sort_unstable_by_key(|(code, _)| *code);
    let lines: Vec<String> = codes.iter().map(|(code, about)| format!("  {code:>3}  {about}")).collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}
