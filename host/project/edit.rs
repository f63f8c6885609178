//! Writes grants into the text of host.toml; comments, order and layout of everything else stay.
//!
//! Pure: text in, text out. What comes out is parsed again and must grant what was to be granted.

use toml_edit::{Array, DocumentMut, InlineTable, Item, RawString, Table, Value};

use super::Config;
use crate::grants::{Setting, SettingValue, Wants, settings};
use crate::outcome::{Failure, Result};

/// `text` with `wants` granted to `command`, in addition to what is granted already.
pub fn grant<'w>(text: &str, command: &str, wants: impl IntoIterator<Item = &'w Wants> + Clone) -> Result<String> {
    let lacking = |text: &str| -> Result<Vec<Setting>> {
        let config = Config::parse(text.as_bytes())?;
        let granted = config.commands.get(command).map(super::config::CommandSection::powers).unwrap_or_default();
        Ok(settings(wants.clone(), &granted))
    };
    let settings = lacking(text)?;
    if settings.is_empty() {
        return Ok(text.to_owned());
    }
    // The parser refuses what Config::parse refused, so this does not fail for a text that came this far.
    let mut document: DocumentMut = text.parse().map_err(|error| Failure::usage(format!("host.toml cannot be edited: {error}")))?;
    let edited = section(&mut document, command).is_some_and(|section| settings.iter().all(|setting| set(section, setting)));
    let result = document.to_string();
    if !edited || !lacking(&result)?.is_empty() {
        let lines: Vec<_> = settings.iter().map(ToString::to_string).collect();
        return Err(Failure::usage("host.toml is written in a way that cannot be edited here")
            .hint(format!("add these lines by hand to [commands.{command}]:\n{}", lines.join("\n"))));
    }
    Ok(result)
}

/// `[commands.NAME]`, made at the end of the file when it is not there.
fn section<'d>(document: &'d mut DocumentMut, command: &str) -> Option<&'d mut Item> {
    let commands = document.entry("commands").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let inline = commands.is_inline_table();
    let entry = commands.as_table_like_mut()?.entry(command);
    Some(entry.or_insert_with(|| if inline { empty_inline() } else { Item::Table(Table::new()) }))
}

/// Puts one value beneath the section; false when something else stands in its place.
fn set(section: &mut Item, setting: &Setting) -> bool {
    let [parents @ .., last] = setting.keys.as_slice() else { return false };
    let mut item = section;
    for parent in parents {
        // Inside of braces everything is.
        let inline = item.is_inline_table();
        let Some(table) = item.as_table_like_mut() else { return false };
        item = table.entry(parent).or_insert_with(|| if inline { empty_inline() } else { dotted() });
    }
    let Some(table) = item.as_table_like_mut() else { return false };
    match (table.get_mut(last), &setting.value) {
        (None, SettingValue::Text(text)) => {
            table.insert(last, toml_edit::value(text));
            true
        }
        (None, SettingValue::List(items)) => {
            table.insert(last, toml_edit::value(items.iter().collect::<Array>()));
            true
        }
        (Some(Item::Value(value)), SettingValue::Text(text)) => {
            let decor = value.decor().clone();
            *value = text.into();
            *value.decor_mut() = decor;
            true
        }
        (Some(Item::Value(Value::Array(array))), SettingValue::List(items)) => {
            extend(array, items);
            true
        }
        _ => false,
    }
}

/// Adds what is not in the list yet, laid out as its last item is.
fn extend(array: &mut Array, items: &[String]) {
    for item in items {
        if array.iter().any(|there| there.as_str() == Some(item)) {
            continue;
        }
        let mut value = Value::from(item);
        if let Some(last) = array.len().checked_sub(1).and_then(|index| array.get_mut(index)) {
            let decor = last.decor_mut();
            let prefix = decor.prefix().cloned();
            // What stood before the closing bracket goes there again.
            let suffix = decor.suffix().cloned().unwrap_or_default();
            decor.set_suffix(RawString::default());
            let first_of_line = array.len() == 1 && !is_multi_line(prefix.as_ref());
            value.decor_mut().set_prefix(if first_of_line { " ".into() } else { uncommented(prefix) });
            value.decor_mut().set_suffix(suffix);
        }
        array.push_formatted(value);
    }
}

fn is_multi_line(prefix: Option<&RawString>) -> bool {
    prefix.and_then(RawString::as_str).is_some_and(|text| text.contains('\n'))
}

/// The white space before an item without the comment that may stand in it.
fn uncommented(prefix: Option<RawString>) -> RawString {
    let text = prefix.as_ref().and_then(RawString::as_str).unwrap_or(" ");
    match text.rsplit_once('\n') {
        Some((_, indent)) => format!("\n{indent}").into(),
        None if text.is_empty() => " ".into(),
        None => text.into(),
    }
}

fn dotted() -> Item {
    let mut table = Table::new();
    table.set_dotted(true);
    Item::Table(table)
}

fn empty_inline() -> Item {
    toml_edit::value(InlineTable::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::{FileAccess, FileGrant, SqlPower};

    fn sql(database: &str, powers: &[SqlPower]) -> Wants {
        Wants::Sql { database: database.to_owned(), powers: powers.iter().copied().collect() }
    }

    fn file(pattern: &str, access: FileAccess) -> Wants {
        Wants::Files(FileGrant { pattern: pattern.to_owned(), access })
    }

    fn everything() -> Vec<Wants> {
        vec![sql("default", &[SqlPower::Read, SqlPower::Write]), file("migrations/**", FileAccess::Read), Wants::Env("HOME".to_owned())]
    }

    #[test]
    fn a_new_section_goes_to_the_end_and_the_rest_stays() {
        let before = "# mine\n[project]\nname = \"shop\" # the shop\n\n[commands.other]\nenv = [ 'A' ]\n";
        let after = grant(before, "migrate", &everything()).unwrap();
        let added = "\n[commands.migrate]\nsql.default = [\"read\", \"write\"]\nfiles.\"migrations/**\" = \"read\"\nenv = [\"HOME\"]\n";
        assert_eq!(after, format!("{before}{added}"));
    }

    #[test]
    fn an_empty_file_is_a_fine_beginning() {
        assert_eq!(grant("", "x", &[Wants::Env("A".to_owned())]).unwrap(), "[commands.x]\nenv = [\"A\"]\n");
    }

    #[test]
    fn granting_twice_changes_nothing_the_second_time() {
        let once = grant("[project]\nname = \"x\"\n", "migrate", &everything()).unwrap();
        assert_eq!(grant(&once, "migrate", &everything()).unwrap(), once);
    }

    #[test]
    fn every_way_to_write_a_section_can_be_added_to() {
        let wants = [sql("default", &[SqlPower::Write]), file("a", FileAccess::Write)];
        for (before, expected) in [
            (
                "[commands.x]\nsql.default = [\"read\"] # why\nfiles.a = \"read\" # so\n",
                "[commands.x]\nsql.default = [\"read\", \"write\"] # why\nfiles.a = \"write\" # so\n",
            ),
            (
                "[commands.x.sql]\ndefault = [\n    # reads\n    \"read\",\n]\n",
                "[commands.x.sql]\ndefault = [\n    # reads\n    \"read\",\n    \"write\",\n]\n",
            ),
            ("[commands.x]\nsql = { default = [\"read\"] }\n", "[commands.x]\nsql = { default = [\"read\", \"write\"] }\n"),
            ("[commands]\nx = { sql = { default = [\"read\"] } }\n", "[commands]\nx = { sql = { default = [\"read\", \"write\"] }"),
            ("commands.x.sql.default = [ \"read\" ]\n", "commands.x.sql.default = [ \"read\", \"write\" ]\n"),
            ("[commands.x]\nlimits.time = \"1h\"\n", "[commands.x]\nlimits.time = \"1h\"\nsql.default = [\"write\"]\n"),
        ] {
            let after = grant(before, "x", &wants).unwrap();
            assert!(after.contains(expected), "{after}\nexpected {expected}");
            assert_eq!(grant(&after, "x", &wants).unwrap(), after);
        }
    }

    #[test]
    fn windows_line_ends_and_a_missing_last_one_are_survived() {
        for before in ["[commands.x]\r\nenv = [\"B\"]\r\n", "[commands.x]\nenv = [\"B\"]", "\u{feff}[commands.x]\nenv = [\"B\"]\n"] {
            let after = grant(before, "x", &[Wants::Env("A".to_owned())]).unwrap();
            assert!(after.contains("env = [\"B\", \"A\"]"), "{after:?}");
        }
    }

    #[test]
    fn a_file_that_is_broken_is_not_touched() {
        let failure = grant("[commands.x]\nsqll = 1\n", "x", &everything()).unwrap_err();
        assert!(failure.message.starts_with("host.toml:2:1: unknown key `sqll`"), "{failure}");
    }
}
