//! Which keys are secrets, which values are not meant to stay, and new secrets.

/// Words that make a key a secret where they are its last one.
const LAST: [&str; 8] = ["SECRET", "PASSWORD", "PASSWD", "PASS", "PASSPHRASE", "TOKEN", "SALT", "PEPPER"];
/// What stands before `KEY` where the key is one that an application makes up itself.
const KEYS: [&str; 12] =
    ["SECRET", "SIGNING", "ENCRYPTION", "JWT", "SESSION", "COOKIE", "APP", "HASH", "HMAC", "MASTER", "PRIVATE", "ENCRYPT"];
/// Whose secrets are given out by somebody else: one that we made up would open nothing.
const ISSUERS: [&str; 37] = [
    "ACME",
    "APPLE",
    "AUTH0",
    "AWS",
    "AZURE",
    "CLIENT",
    "CLOUDFLARE",
    "DATADOG",
    "DIGITALOCEAN",
    "DOCKER",
    "EMAIL",
    "FACEBOOK",
    "FIREBASE",
    "GCP",
    "GITHUB",
    "GITLAB",
    "GOOGLE",
    "HETZNER",
    "IMAP",
    "LDAP",
    "MAIL",
    "MAILGUN",
    "MAILJET",
    "OAUTH",
    "OIDC",
    "OPENAI",
    "PAYPAL",
    "POSTMARK",
    "PUSHER",
    "S3",
    "SENDGRID",
    "SENTRY",
    "SLACK",
    "SMTP",
    "STRIPE",
    "TWILIO",
    "TWITTER",
];
/// Names of the one thing that most projects have several keys for.
const DATABASES: [&str; 9] = ["POSTGRES", "POSTGRESQL", "PG", "DB", "DATABASE", "SQL", "MYSQL", "MARIADB", "RDS"];
/// Letters and digits of a new secret: 62 to the power of 43 is more than 256 bits.
const LENGTH: usize = 43;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// What becomes of a key whose value is not meant to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A new one is made up.
    Own,
    /// Only somebody else can give it.
    Issued,
    NoSecret,
}

pub(crate) fn kind(key: &str) -> Kind {
    let words = words(key);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let own = match words.as_slice() {
        [.., before, "KEY"] => KEYS.contains(before),
        [.., last] => LAST.contains(last),
        [] => false,
    };
    let issued = words.iter().any(|word| ISSUERS.contains(word)) || matches!(words.as_slice(), [.., "API" | "ACCESS", "KEY"]);
    match (own, issued) {
        (_, true) if own || words.last() == Some(&"KEY") => Kind::Issued,
        (true, _) => Kind::Own,
        _ => Kind::NoSecret,
    }
}

/// Whether a value is hidden where it is shown: wider than [`kind`], because showing cannot be undone.
pub(crate) fn is_hidden(key: &str) -> bool {
    const MARKS: [&str; 9] = ["SECRET", "PASS", "TOKEN", "KEY", "SALT", "PEPPER", "CREDENTIAL", "DSN", "AUTH"];
    let key = key.to_ascii_uppercase();
    MARKS.iter().any(|mark| key.contains(mark))
}

/// Keys with the same answer get the same secret: a database and its clients must agree.
pub(crate) fn group(key: &str) -> String {
    let word = |word: String| if DATABASES.contains(&word.as_str()) { "DATABASE".to_owned() } else { word };
    let words: Vec<String> =
        words(key).into_iter().filter(|word| !["DJANGO", "APP", "DEFAULT"].contains(&word.as_str())).map(word).collect();
    words.join("_")
}

/// `PGPASSWORD` and `dbPassword` are two words too.
fn words(key: &str) -> Vec<String> {
    let mut split = String::new();
    let mut before = '_';
    for c in key.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            split.push('_');
        }
        split.push(if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        before = c;
    }
    let mut words: Vec<String> = split.split('_').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if let Some(head) =
        words.last().and_then(|last| last.strip_suffix("PASSWORD")).filter(|head| DATABASES.contains(head)).map(str::to_owned)
    {
        words.pop();
        words.extend([head, "PASSWORD".to_owned()]);
    }
    words
}

/// Empty, or something that asks to be replaced: `changeme`, `<secret>`, `xxx`, `your-secret-key`.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    let bare: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    let bracketed = [('<', '>'), ('[', ']'), ('{', '}')].iter().any(|(open, close)| value.starts_with(*open) && value.ends_with(*close));
    let repeated = bare.len() >= 3 && bare.bytes().all(|byte| byte == b'x') || value.bytes().all(|byte| matches!(byte, b'*' | b'.' | b'-'));
    const WHOLE: [&str; 14] = [
        "secret",
        "password",
        "pass",
        "passwd",
        "token",
        "example",
        "placeholder",
        "todo",
        "tbd",
        "none",
        "null",
        "replace",
        "insecure",
        "default",
    ];
    const BEGINS: [&str; 13] = [
        "changeme",
        "changethis",
        "changeit",
        "pleasechange",
        "replaceme",
        "replacethis",
        "replacewith",
        "setme",
        "fillme",
        "fillin",
        "yoursecret",
        "yourpassword",
        "djangoinsecure",
    ];
    const PARTS: [&str; 2] = ["changeme", "changethis"];
    let begins_yours = bare.starts_with("your") && !value.contains(char::is_whitespace);
    bracketed
        || repeated
        || begins_yours
        || WHOLE.contains(&bare.as_str())
        || BEGINS.iter().any(|begin| bare.starts_with(begin))
        || PARTS.iter().any(|part| bare.contains(part))
}

/// Letters and digits only, so that it stands in a URL, a shell and a YAML file without quotes. `random` fills bytes.
pub(crate) fn generate(random: &mut dyn FnMut(&mut [u8])) -> String {
    let mut secret = String::with_capacity(LENGTH);
    let mut bytes = [0; 64];
    while secret.len() < LENGTH {
        random(&mut bytes);
        // Six bits choose one of 64 places: those past the 62nd are thrown away, so that all are equally likely.
        let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 0x3f))).map(|letter| char::from(*letter));
        secret.extend(letters.take(LENGTH - secret.len()));
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_an_application_makes_up_are_told_from_those_that_others_issue() {
        let own = [
            "SECRET_KEY",
            "DJANGO_SECRET_KEY",
            "POSTGRES_PASSWORD",
            "PGPASSWORD",
            "JWT_SECRET",
            "REDIS_PASS",
            "ADMIN_TOKEN",
            "dbPassword",
            "HASH_SALT",
            "SIGNING_KEY",
        ];
        let issued =
            ["STRIPE_API_KEY", "AWS_SECRET_ACCESS_KEY", "OAUTH_CLIENT_SECRET", "EMAIL_HOST_PASSWORD", "GITHUB_TOKEN", "MAPS_API_KEY"];
        let none = ["HOST", "PASSWORD_RESET_TIMEOUT", "SECRET_NAME", "TOKENIZER", "PUBLIC_KEY", "KEY", "MONKEY", "COMPASS", "DEBUG", ""];
        for (keys, expected) in [(&own[..], Kind::Own), (&issued[..], Kind::Issued), (&none[..], Kind::NoSecret)] {
            for key in keys {
                assert_eq!(kind(key), expected, "{key}");
            }
        }
    }

    #[test]
    fn placeholders_are_told_from_values() {
        for value in [
            "",
            " ",
            "changeme",
            "CHANGE_ME",
            "change-me-please",
            "<secret>",
            "xxx",
            "XXXXXXXX",
            "***",
            "...",
            "your-secret-key",
            "[token]",
            "secret",
            "password",
            "django-insecure-abc",
            "please_change",
            "s3-changeme",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        for value in ["hunter2", "0", "x", "xx", "postgres", "${DB_PASSWORD}", "a9f8s7df98a7sdf", "secretly", "yours truly"] {
            assert!(!is_placeholder(value), "{value}");
        }
    }

    #[test]
    fn a_databases_keys_are_one_group() {
        for key in ["POSTGRES_PASSWORD", "DB_PASSWORD", "PGPASSWORD", "DATABASE_PASSWORD", "DJANGO_DB_PASSWORD"] {
            assert_eq!(group(key), "DATABASE_PASSWORD", "{key}");
        }
        assert_ne!(group("MYSQL_ROOT_PASSWORD"), group("MYSQL_PASSWORD"));
        assert_ne!(group("SECRET_KEY"), group("JWT_SECRET"));
    }

    #[test]
    fn a_new_secret_is_long_and_stands_in_a_url() {
        let mut seed = 7_u8;
        let secret = generate(&mut |bytes| {
            for byte in bytes {
                seed = seed.wrapping_mul(13).wrapping_add(61);
                *byte = seed;
            }
        });
        assert!(secret.len() == LENGTH && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
    }

    #[test]
    fn more_is_hidden_than_is_made_up() {
        for key in ["STRIPE_API_KEY", "SENTRY_DSN", "aws_credentials", "BASIC_AUTH", "PASSWORD"] {
            assert!(is_hidden(key), "{key}");
        }
        assert!(!is_hidden("HOST"));
    }
}
