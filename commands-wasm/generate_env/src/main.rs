//! `generate_env`: the `.env` of a preview, from a sample.
//!
//! Everything is decided before anything is written. The file is written aside and moved into its place, so that no
//! reader sees half of it; the host makes files of that name readable by their owner only.

mod address;
mod diff;
mod fill;
mod name;
mod place;
mod secret;
mod template;

use host_sdk::serde_json::{Map, Value, json};
use host_sdk::{Ending, Error, Host, Result, clap, out, talk, warning};

use crate::fill::Filled;
use crate::place::Template;

/// `--out -`
const STDOUT: &str = "-";

#[derive(clap::Args)]
struct Args {
    /// What the preview is called: the pull request's number, name or branch
    #[arg(value_name = "NAME")]
    name: String,
    /// The file to start from [default: the sample that is there, `.env.sample` first]
    #[arg(long, value_name = "FILE")]
    template: Option<String>,
    /// The file to write; `-` prints it
    #[arg(long, value_name = "FILE", default_value = ".env")]
    out: String,
    /// Show what would differ, with secrets hidden, and write nothing
    #[arg(long)]
    diff: bool,
    /// Overwrite a file that is there
    #[arg(long, conflicts_with = "diff")]
    force: bool,
}

host_sdk::command!(generate_env);

fn generate_env(args: Args, host: &Host) -> Result<Ending> {
    let to_stdout = args.out == STDOUT;
    if to_stdout && args.diff {
        return Err(Error::usage("`--diff` compares with a file, and `--out -` names none").hint("leave one of them out"));
    }
    let label = name::label(&args.name).ok_or_else(|| Error::usage("the name is empty").hint(format!("host run {} pr-42", host.name())))?;
    let template = Template::read(args.template.as_deref(), host.name())?;
    let existing = if to_stdout { None } else { place::read_existing(&args.out)? };
    let mut failure = None;
    let random = &mut |bytes: &mut [u8]| failure = failure.take().or(getrandom::fill(bytes).err());
    let filled = fill::fill(&template.text, &label, existing.as_deref(), random)
        .map_err(|why| Error::usage(format!("`{}` does not do as a template: {why}", template.path)))?;
    if let Some(error) = failure {
        return Err(Error::failed(format!("there are no random numbers to make secrets of: {error}")));
    }
    let report = Report { label: &label, template: &template.path, out: &args.out, filled: &filled, host };
    match existing {
        _ if to_stdout => report.print(),
        existing if args.diff => report.diff(existing.as_deref()),
        Some(existing) if existing == filled.text => report.tell(false),
        Some(_) if !args.force => {
            Err(Error::new(Ending::Unconfirmed, format!("`{}` is there and says something else; nothing was written", args.out))
                .hint(format!("`host run {} {} --diff` shows what", host.name(), quoted(&args.name)))
                .hint("`--force` overwrites it"))
        }
        _ => {
            place::write(&args.out, &filled.text)?;
            report.tell(true)
        }
    }
}

struct Report<'a> {
    label: &'a str,
    template: &'a str,
    out: &'a str,
    filled: &'a Filled,
    host: &'a Host,
}

impl Report<'_> {
    fn print(&self) -> Result<Ending> {
        if self.host.wants_json() {
            self.host.json(&self.document([("content", self.filled.text.as_str().into())]))?;
        } else {
            // A line of its own ends each; the last one's end is written by `out!`.
            let text = self.filled.text.strip_suffix('\n').unwrap_or(&self.filled.text);
            out!("{text}");
        }
        self.warn();
        Ok(Ending::Ok)
    }

    fn diff(&self, existing: Option<&str>) -> Result<Ending> {
        let name = if existing.is_some() { self.out } else { "/dev/null" };
        let text = diff::unified(existing.unwrap_or_default(), &self.filled.text, name, self.out);
        if self.host.wants_json() {
            self.host.json(&self.document([("same", text.is_empty().into()), ("diff", text.as_str().into())]))?;
        } else if text.is_empty() {
            talk!("`{}` says the same", self.out);
        } else {
            out!("{}", text.trim_end());
        }
        self.warn();
        Ok(if text.is_empty() { Ending::Ok } else { Ending::NotMet })
    }

    /// The file is as it must be, and was written or not.
    fn tell(&self, wrote: bool) -> Result<Ending> {
        if self.host.wants_json() {
            self.host.json(&self.document([("written", wrote.into()), ("tear_down", self.tear_down().into())]))?;
            return Ok(Ending::Ok);
        }
        match wrote {
            true => talk!("wrote `{}` from `{}`", self.out, self.template),
            false => talk!("`{}` says the same already; nothing was written", self.out),
        }
        for (key, value) in &self.filled.set {
            talk!("  {key:<16} {value}");
        }
        for (title, keys) in [("new secrets", &self.filled.generated), ("kept", &self.filled.kept), ("left to you", &self.filled.issued)] {
            if !keys.is_empty() {
                talk!("  {title:<16} {}", keys.join(", "));
            }
        }
        self.warn();
        talk!("to bring it up, and to tear it down with its data:");
        talk!("  {}", self.line("up"));
        talk!("  {}", self.tear_down());
        Ok(Ending::Ok)
    }

    fn tear_down(&self) -> String {
        self.line("down -v")
    }

    /// PROJECT_NAME in the environment wins over the file: said explicitly, the line means this preview wherever it is run.
    fn line(&self, command: &str) -> String {
        let file = if self.out == ".env" { String::new() } else { format!(" --env-file {}", quoted(self.out)) };
        format!("PROJECT_NAME={} host{file} run {command}", self.label)
    }

    fn warn(&self) {
        self.filled.warnings.iter().for_each(|text| warning!("{text}"));
    }

    fn document<const N: usize>(&self, more: [(&str, Value); N]) -> Map<String, Value> {
        let set: Map<String, Value> = self.filled.set.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        let Filled { generated, kept, issued, warnings, .. } = self.filled;
        let mut document = Map::new();
        document.insert("project".to_owned(), self.label.into());
        document.insert("template".to_owned(), self.template.into());
        document.insert("out".to_owned(), self.out.into());
        document.insert("set".to_owned(), set.into());
        document.insert("secrets".to_owned(), json!({ "generated": generated, "kept": kept, "left": issued }));
        document.insert("warnings".to_owned(), warnings.as_slice().into());
        document.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        document
    }
}

/// As a shell needs it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
