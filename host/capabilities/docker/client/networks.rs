//! Networks.

use bollard::models::{
    EndpointIpamConfig, EndpointSettings, Ipam, IpamConfig, Network as Listed, NetworkConnectRequest, NetworkCreateRequest,
    NetworkDisconnectRequest,
};
use bollard::query_parameters::ListNetworksOptions;

use super::containers::gone_is_fine;
use super::{Engine, Failure, filters, given, map, of_project, pairs};
use crate::capabilities::docker::inspect::Network;
use crate::capabilities::docker::network::Spec;
use crate::capabilities::docker::types::NetworkPool as Pool;
use crate::capabilities::docker::types::{Attachment, Pair};

impl Engine {
    /// Those of one project, or all of the machine.
    pub(crate) async fn networks_of(&self, project: Option<&str>) -> Result<Vec<Network>, Failure> {
        let options = project.map(|project| ListNetworksOptions { filters: filters(&[("label", &of_project(project))]) });
        let list = self.ask(|docker| async move { docker.list_networks(options).await }).await?;
        Ok(list.into_iter().map(network).collect())
    }

    /// The answer is its id.
    pub(crate) async fn create_network(&self, spec: Spec, labels: Vec<Pair>) -> Result<String, Failure> {
        let request = request(spec, labels);
        self.ask(|docker| async move { docker.create_network(request).await }).await.map(|answer| answer.id)
    }

    pub(crate) async fn connect(&self, network: &str, container: &str, attachment: Attachment) -> Result<(), Failure> {
        let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint(attachment)) };
        self.ask(|docker| async move { docker.connect_network(network, request).await }).await
    }

    pub(crate) async fn disconnect(&self, network: &str, container: &str, force: bool) -> Result<(), Failure> {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(force) };
        self.ask(|docker| async move { docker.disconnect_network(network, request).await }).await
    }

    pub(crate) async fn remove_network(&self, id: &str) -> Result<(), Failure> {
        gone_is_fine(self.ask(|docker| async move { docker.remove_network(id).await }).await)
    }
}

fn network(listed: Listed) -> Network {
    Network {
        id: listed.id.unwrap_or_default(),
        name: listed.name.unwrap_or_default(),
        labels: pairs(listed.labels),
        driver: listed.driver.unwrap_or_default(),
        internal: listed.internal.unwrap_or(false),
        attachable: listed.attachable.unwrap_or(false),
        created_ns: listed.created.and_then(|at| at.timestamp_nanos_opt()).unwrap_or_default(),
    }
}

fn request(spec: Spec, labels: Vec<Pair>) -> NetworkCreateRequest {
    let Spec { name, key: _, driver, options, labels: _, internal, attachable, ipv6, ipam_driver, ipam_options, pools, shared: _ } = spec;
    let has_ipam = !(ipam_driver.is_empty() && ipam_options.is_empty() && pools.is_empty());
    let ipam = Ipam {
        driver: given(ipam_driver).or_else(|| Some("default".to_owned())),
        config: Some(pools.into_iter().map(pool).collect()),
        options: map(ipam_options),
    };
    NetworkCreateRequest {
        name,
        driver: given(driver),
        internal: Some(internal),
        attachable: Some(attachable),
        ipam: has_ipam.then_some(ipam),
        enable_ipv6: given(ipv6),
        options: map(options),
        labels: map(labels),
        ..NetworkCreateRequest::default()
    }
}

fn pool(pool: Pool) -> IpamConfig {
    let Pool { subnet, gateway, ip_range, auxiliary } = pool;
    IpamConfig { subnet: given(subnet), ip_range: given(ip_range), gateway: given(gateway), auxiliary_addresses: map(auxiliary) }
}

/// How a container is attached.
pub(super) fn endpoint(attachment: Attachment) -> EndpointSettings {
    let Attachment { network: _, aliases, ipv4_address, ipv6_address, link_local_ips, mac_address, driver_options, gateway_priority } =
        attachment;
    let has_addresses = !(ipv4_address.is_empty() && ipv6_address.is_empty() && link_local_ips.is_empty());
    let ipam =
        EndpointIpamConfig { ipv4_address: given(ipv4_address), ipv6_address: given(ipv6_address), link_local_ips: given(link_local_ips) };
    EndpointSettings {
        ipam_config: has_addresses.then_some(ipam),
        mac_address: given(mac_address),
        aliases: given(aliases),
        driver_opts: map(driver_options),
        gw_priority: given(i64::from(gateway_priority)),
        ..EndpointSettings::default()
    }
}
