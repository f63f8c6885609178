//! `healthcheck`.

use compose::Healthcheck;
use host_sdk::docker::create;

pub(super) fn healthcheck(check: &Healthcheck) -> create::Healthcheck {
    if check.disabled {
        return create::Healthcheck { test: vec!["NONE".to_owned()], ..Default::default() };
    }
    let nanoseconds = |span: Option<i64>| span.and_then(|span| u64::try_from(span).ok()).unwrap_or_default();
    create::Healthcheck {
        test: check.test.clone().unwrap_or_default(),
        interval_ns: nanoseconds(check.interval),
        timeout_ns: nanoseconds(check.timeout),
        start_period_ns: nanoseconds(check.start_period),
        start_interval_ns: nanoseconds(check.start_interval),
        retries: check.retries.map(|retries| u32::try_from(retries).unwrap_or(u32::MAX)).unwrap_or_default(),
    }
}
