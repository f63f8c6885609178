//! Limits, devices, modes.

use std::collections::BTreeMap;

use super::Keys;
use crate::error::Error;
use crate::model::{BlkioConfig, Device, DeviceRequest, Rate, Ulimit, Weight};
use crate::node::{Node, Value};

/// Permissions: a number as YAML reads it (`0440` is octal), or a string of octal digits.
pub(super) fn mode(keys: &Keys<'_>, key: &'static str) -> Result<Option<u32>, Error> {
    let Some(node) = keys.node(key) else { return Ok(None) };
    let value = match &node.value {
        Value::Int(value, _) => u32::try_from(*value).ok(),
        Value::Text(text) => u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8).ok(),
        _ => None,
    };
    value.map(Some).ok_or_else(|| node.expected("permissions like `0440`", &keys.below(key)))
}

/// A number of microseconds, or a duration.
pub(super) fn microseconds(keys: &Keys<'_>, key: &'static str) -> Result<Option<i64>, Error> {
    let Some(node) = keys.node(key) else { return Ok(None) };
    match node.as_text().and_then(crate::units::duration) {
        Some(nanoseconds) => Ok(Some(nanoseconds / 1_000)),
        None => keys.int(key),
    }
}

pub(super) fn ulimits(keys: &Keys<'_>) -> Result<BTreeMap<String, Ulimit>, Error> {
    let Some(node) = keys.node("ulimits") else { return Ok(BTreeMap::new()) };
    let path = keys.below("ulimits");
    super::each(node, &path, |name, entry| {
        let path = format!("{path}.{name}");
        if let Some(map) = entry.node.as_map() {
            let limits = Keys::of(&entry.node, path, keys.context)?;
            if !map.contains_key("soft") || !map.contains_key("hard") {
                return Err(Error::new("needs both `soft` and `hard`").at(&entry.place).key(&limits.path));
            }
            let ulimit = Ulimit { soft: limits.int("soft")?.unwrap_or(0), hard: limits.int("hard")?.unwrap_or(0), single: false };
            limits.finish()?;
            return Ok(ulimit);
        }
        let value = match &entry.node.value {
            Value::Int(value, _) => Some(*value),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        let value = value.ok_or_else(|| entry.node.expected("a number, or `soft` and `hard`", &path))?;
        Ok(Ulimit { soft: value, hard: value, single: true })
    })
}

pub(super) fn devices(keys: &Keys<'_>) -> Result<Vec<Device>, Error> {
    let path = keys.below("devices");
    keys.list("devices")?
        .iter()
        .map(|item| {
            let keys = Keys::of(item, path.clone(), keys.context)?;
            let device = Device {
                source: keys.required("source")?,
                target: keys.required("target")?,
                permissions: keys.required("permissions")?,
                place: item.place.clone(),
            };
            keys.finish()?;
            Ok(device)
        })
        .collect()
}

pub(super) fn device_requests(keys: &Keys<'_>, key: &'static str) -> Result<Vec<DeviceRequest>, Error> {
    let path = keys.below(key);
    keys.list(key)?
        .iter()
        .map(|item| {
            let keys = Keys::of(item, path.clone(), keys.context)?;
            let device_ids = keys.texts("device_ids")?;
            let count = match keys.node("count").and_then(Node::as_text) {
                Some(word) if word.eq_ignore_ascii_case("all") => Some(-1),
                _ => keys.int("count")?,
            };
            if count.is_some() && !device_ids.is_empty() {
                return Err(Error::new("has both `count` and `device_ids`").at(&item.place).key(&keys.path));
            }
            let count = if device_ids.is_empty() { Some(count.unwrap_or(-1)) } else { None };
            let capabilities = keys.texts("capabilities")?;
            if key == "devices" && capabilities.is_empty() {
                return Err(Error::new("`capabilities` is missing").at(&item.place).key(&keys.path).hint("write capabilities: [gpu]"));
            }
            let request = DeviceRequest {
                capabilities,
                driver: keys.text("driver")?,
                count,
                device_ids,
                options: options(&keys)?,
                place: item.place.clone(),
            };
            keys.finish()?;
            Ok(request)
        })
        .collect()
}

/// A map, or a list of `NAME=value`.
fn options(keys: &Keys<'_>) -> Result<BTreeMap<String, String>, Error> {
    match keys.node("options").and_then(Node::as_list) {
        None => keys.options("options"),
        Some(_) => Ok(keys
            .texts("options")?
            .iter()
            .map(|text| text.split_once('=').unwrap_or((text, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()),
    }
}

pub(super) fn blkio(keys: Keys<'_>) -> Result<BlkioConfig, Error> {
    let config = BlkioConfig {
        weight: keys.number("weight", "between 0 and 1000")?,
        weight_device: weights(&keys)?,
        device_read_bps: rates(&keys, "device_read_bps")?,
        device_read_iops: rates(&keys, "device_read_iops")?,
        device_write_bps: rates(&keys, "device_write_bps")?,
        device_write_iops: rates(&keys, "device_write_iops")?,
    };
    keys.finish()?;
    Ok(config)
}

fn weights(keys: &Keys<'_>) -> Result<Vec<Weight>, Error> {
    let path = keys.below("weight_device");
    keys.list("weight_device")?
        .iter()
        .map(|item| {
            let keys = Keys::of(item, path.clone(), keys.context)?;
            let weight = Weight { path: keys.required("path")?, weight: keys.number("weight", "between 0 and 1000")?.unwrap_or(0) };
            keys.finish()?;
            Ok(weight)
        })
        .collect()
}

fn rates(keys: &Keys<'_>, key: &'static str) -> Result<Vec<Rate>, Error> {
    let path = keys.below(key);
    keys.list(key)?
        .iter()
        .map(|item| {
            let keys = Keys::of(item, path.clone(), keys.context)?;
            let rate = Rate { path: keys.required("path")?, rate: keys.bytes("rate")?.unwrap_or(0) };
            keys.finish()?;
            Ok(rate)
        })
        .collect()
}
