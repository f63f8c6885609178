//! Host calls, too large, too often, or to where nothing should be.

use host_sdk::host::command::run;
use host_sdk::host::terminal::progress::Bar;
use host_sdk::host::terminal::{prompt, settings};
use wasip2::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket};

use crate::{Outcome, lines};

pub(crate) fn bar() -> Bar {
    Bar::new("leaked", 10)
}

/// One call that carries this many MiB.
pub(crate) fn huge_string(mebibytes: usize) -> Outcome {
    let text = "x".repeat(mebibytes << 20);
    let bar = bar();
    bar.set_message(&text);
    lines(std::iter::once(format!("the host took {} bytes", text.len())))
}

/// Calls the host as fast as it can, for ever.
pub(crate) fn spin_host_call() -> Outcome {
    loop {
        std::hint::black_box(settings::get());
    }
}

pub(crate) fn config(key: &str) -> Outcome {
    match host_sdk::wasi::config::store::get(key) {
        Ok(Some(value)) => lines(std::iter::once(value)),
        Ok(None) => Err(format!("no value under `{key}`")),
        Err(error) => Err(format!("{error:?}")),
    }
}

pub(crate) fn confirm() -> Outcome {
    match prompt::confirm("Go on?", false, "--yes") {
        Ok(answer) => lines(std::iter::once(answer)),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// All that a guest may know of its run.
pub(crate) fn about() -> Outcome {
    lines([run::name(), run::run_id(), run::project(), format!("{:?}", settings::get())].iter())
}

pub(crate) fn socket() -> Result<TcpSocket, String> {
    tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4).map_err(|error| format!("{error:?}"))
}

/// `127.0.0.1:5432`.
pub(crate) fn connect_tcp(address: &str) -> Outcome {
    let address: std::net::SocketAddrV4 = address.parse().map_err(|_| format!("`{address}` is no address"))?;
    let [a, b, c, d] = address.ip().octets();
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: address.port(), address: (a, b, c, d) });
    let (socket, network) = (socket()?, instance_network::instance_network());
    socket.start_connect(&network, address).map_err(|error| format!("{error:?}"))?;
    socket.subscribe().block();
    socket.finish_connect().map_err(|error| format!("{error:?}"))?;
    lines(std::iter::once("connected"))
}

pub(crate) fn resolve(name: &str) -> Outcome {
    let addresses = ip_name_lookup::resolve_addresses(&instance_network::instance_network(), name).map_err(|error| format!("{error:?}"))?;
    addresses.subscribe().block();
    let address = addresses.resolve_next_address().map_err(|error| format!("{error:?}"))?;
    lines(std::iter::once(format!("{address:?}")))
}
