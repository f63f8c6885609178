//! Where the engine puts what a container prints. Drivers are programs of the engine: one that sends it away does so as
//! the machine's root, from the machine's own network, to whatever its options name.

use super::lack::Lack;
use super::{Invalid, Permit, pairs};
use crate::capabilities::docker::create::LogDriver;

/// They keep it, on the engine's own disk. An empty one is the engine's default, and gets options of these only.
const KEEPING: [&str; 4] = ["", "json-file", "local", "none"];
const PLAIN_OPTIONS: [&str; 10] =
    ["max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"];

impl Permit {
    pub(super) fn logging(&self, logging: &LogDriver) -> Result<Vec<Lack>, Invalid> {
        let LogDriver { driver, options } = logging;
        pairs::each_once("logging", options)?;
        if let Some(option) = options.iter().find(|option| option.value.chars().any(char::is_control)) {
            return Err(format!("`logging`: the value of `{}` has control characters", option.name.escape_debug()));
        }
        if !KEEPING.contains(&driver.as_str()) {
            return Ok(self.option("logging", "log-driver", driver).into_iter().collect());
        }
        let others = options.iter().filter(|option| !PLAIN_OPTIONS.contains(&option.name.as_str()));
        Ok(others.filter_map(|option| self.option("logging", "log-option", &option.name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::docker::types::Pair;
    use crate::grants::DockerGrant;

    fn lacks(granted: &[&str], driver: &str, options: &[(&str, &str)]) -> Result<Vec<String>, Invalid> {
        let options = options.iter().map(|(name, value)| Pair { name: (*name).to_owned(), value: (*value).to_owned() }).collect();
        let security_options = granted.iter().map(|option| (*option).to_owned()).collect();
        let permit = Permit::new("up", DockerGrant { security_options, ..DockerGrant::default() });
        let found = permit.logging(&LogDriver { driver: driver.to_owned(), options })?;
        Ok(found.into_iter().map(|lack| lack.thing).collect())
    }

    #[test]
    fn what_keeps_it_needs_no_grant() {
        assert_eq!(lacks(&[], "", &[]), Ok(vec![]));
        assert_eq!(lacks(&[], "json-file", &[("max-size", "10m"), ("max-file", "3"), ("tag", "{{.Name}}")]), Ok(vec![]));
        assert_eq!(lacks(&[], "local", &[("compress", "true")]), Ok(vec![]));
        assert_eq!(lacks(&[], "none", &[]), Ok(vec![]));
    }

    #[test]
    fn what_sends_it_away_is_granted_by_name() {
        let address = [("syslog-address", "tcp://127.0.0.1:6399")];
        assert_eq!(lacks(&[], "syslog", &address), Ok(vec!["log-driver=syslog".to_owned()]));
        assert_eq!(lacks(&["log-driver=syslog"], "syslog", &address), Ok(vec![]));
        assert_eq!(lacks(&["log-driver=syslog"], "gelf", &[]), Ok(vec!["log-driver=gelf".to_owned()]));
        // The engine's default may be one that sends.
        assert_eq!(lacks(&[], "", &address), Ok(vec!["log-option=syslog-address".to_owned()]));
    }

    #[test]
    fn no_value_holds_more_than_one_line_and_no_name_has_two() {
        assert!(lacks(&["log-driver=syslog"], "syslog", &[("tag", "x\r\nFLUSHALL\r\n")]).is_err());
        assert!(lacks(&[], "json-file", &[("max-size", "1"), ("max-size", "2")]).is_err());
    }
}
