//! Arguments for the journal, with what looks like a secret taken out.

/// What stands for a secret.
const REDACTED: &str = "***";
/// Parts of an option's or variable's name that mean its value is a secret.
const SECRET_WORDS: [&str; 9] = ["password", "passwd", "passphrase", "secret", "token", "api-key", "apikey", "credential", "private-key"];
/// Short options whose value is a password by long custom (`-p` of `ensureadmin`, `mysql`, ...). `-p` alone
/// is too common otherwise, so only a value that follows directly is hidden.
const SECRET_SHORT: &str = "-p";

/// The arguments as the journal may keep them.
pub fn arguments(args: &[String]) -> Vec<String> {
    let mut safe = Vec::with_capacity(args.len());
    let mut hide_next = false;
    for arg in args {
        if hide_next && !arg.starts_with("--") {
            safe.push(REDACTED.to_owned());
            hide_next = false;
            continue;
        }
        hide_next = arg == SECRET_SHORT || (arg.starts_with('-') && !arg.contains('=') && is_secret_name(arg));
        safe.push(argument(arg));
    }
    safe
}

fn argument(arg: &str) -> String {
    if let Some((name, _)) = arg.split_once('=')
        && is_secret_name(name)
    {
        return format!("{name}={REDACTED}");
    }
    url_password(arg)
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// `postgres://shop:hunter2@db/shop` keeps everything but the password.
pub fn url_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{scheme}://{user}:{REDACTED}@{host}{path}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(args: &[&str]) -> String {
        arguments(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()).join(" ")
    }

    #[test]
    fn secrets_are_taken_out_and_everything_else_stays() {
        let table: [(&[&str], &str); 9] = [
            (&["--plan", "shop", "0003"], "--plan shop 0003"),
            (&["--password", "hunter2", "-u", "root"], "--password *** -u root"),
            (&["--password=hunter2"], "--password=***"),
            (&["DB_PASSWORD=x"], "DB_PASSWORD=***"),
            (&["-p", "hunter2"], "-p ***"),
            (&["--api-key", "k", "--token=t"], "--api-key *** --token=***"),
            (&["--password", "--yes"], "--password --yes"),
            (&["postgres://shop:hunter2@db:5432/shop?x=1"], "postgres://shop:***@db:5432/shop?x=1"),
            (&["https://example.org/a:b@c"], "https://example.org/a:b@c"),
        ];
        for (args, expected) in table {
            assert_eq!(redacted(args), expected);
        }
    }
}
