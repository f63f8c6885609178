//! Processors, memory and the like.

use compose::Error;
use compose::{Service, Ulimit};
use host_sdk::docker::create::{Limit, Resources};

use super::{narrow, pairs, unsupported};

pub(super) fn resources(service: &Service) -> Result<Resources, Error> {
    refuse(service)?;
    let limits = service.limits();
    Ok(Resources {
        nano_cpus: limits.nano_cpus.unwrap_or_default(),
        cpu_shares: service.cpu_shares.unwrap_or_default(),
        cpu_quota: service.cpu_quota.unwrap_or_default(),
        cpu_period: service.cpu_period.unwrap_or_default(),
        cpuset: service.cpuset.clone().unwrap_or_default(),
        memory: limits.memory.unwrap_or_default(),
        memory_reservation: limits.memory_reservation.unwrap_or_default(),
        memory_swap: service.memswap_limit.unwrap_or_default(),
        memory_swappiness: service.mem_swappiness,
        pids: limits.pids.unwrap_or_default(),
        oom_kill_disable: service.oom_kill_disable,
        oom_score_adjust: service.oom_score_adj.map(|score| narrow(score, i32::MAX)).unwrap_or_default(),
        block_io_weight: service.blkio_config.as_ref().and_then(|config| config.weight).unwrap_or_default(),
        shm_size: service.shm_size.unwrap_or_default(),
        ulimits: ulimits(&service.ulimits),
        storage_options: pairs(&service.storage_opt),
    })
}

pub(super) fn ulimits<'a>(limits: impl IntoIterator<Item = (&'a String, &'a Ulimit)>) -> Vec<Limit> {
    limits.into_iter().map(|(name, limit)| Limit { name: name.clone(), soft: limit.soft, hard: limit.hard }).collect()
}

fn refuse(service: &Service) -> Result<(), Error> {
    let windows = "it is for containers of Windows";
    let real_time = "the engine's real-time scheduler is not offered";
    let keys = [
        ("cpu_count", service.cpu_count.is_some(), windows),
        ("cpu_percent", service.cpu_percent.is_some(), windows),
        ("cpu_rt_period", service.cpu_rt_period.is_some(), real_time),
        ("cpu_rt_runtime", service.cpu_rt_runtime.is_some(), real_time),
    ];
    if let Some((key, _, why)) = keys.into_iter().find(|(_, said, _)| *said) {
        return Err(unsupported(service, key, why));
    }
    let by_device = service.blkio_config.as_ref().is_some_and(|config| {
        let rates = [&config.device_read_bps, &config.device_read_iops, &config.device_write_bps, &config.device_write_iops];
        !config.weight_device.is_empty() || rates.iter().any(|rates| !rates.is_empty())
    });
    if by_device { Err(unsupported(service, "blkio_config", "bounds of single devices are not offered, `weight` is")) } else { Ok(()) }
}
