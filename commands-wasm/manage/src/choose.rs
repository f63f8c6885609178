//! Which container: of the service, running, the one with the lowest number.

use host_sdk::docker::inspect::{Container, Status};
use host_sdk::docker::label;
use host_sdk::{Ending, Error, Result};
use stack::labels::{NUMBER, SERVICE};
use stack::observed::is_one_off;

pub(crate) fn choose<'c>(containers: &'c [Container], service: &str) -> Result<&'c Container> {
    let of_service = || containers.iter().filter(|one| label(&one.labels, SERVICE) == Some(service) && !is_one_off(one));
    let running = of_service().filter(|one| one.status == Status::Running);
    if let Some(chosen) = running.min_by_key(|one| (number(one), one.name.clone())) {
        return Ok(chosen);
    }
    let states: Vec<String> = of_service().map(|one| format!("{} ({})", one.name, one.status_text)).collect();
    let error = if states.is_empty() {
        Error::new(Ending::NotMet, format!("no container of the service `{service}` is there"))
    } else {
        Error::new(Ending::NotMet, format!("no container of the service `{service}` is running: {}", states.join(", ")))
    };
    let mut others: Vec<&str> = containers.iter().filter_map(|one| label(&one.labels, SERVICE)).filter(|other| *other != service).collect();
    others.sort_unstable();
    others.dedup();
    let error = error.hint(match of_service().find(|one| one.status == Status::Paused) {
        Some(paused) => format!("`docker unpause {}` lets it go on", paused.name),
        None => format!("`host run up {service}` starts it"),
    });
    Err(match others.as_slice() {
        others if states.is_empty() && !others.is_empty() => {
            error.hint(format!("there are containers of {}; `config.service = \"NAME\"` in host.toml chooses another", others.join(", ")))
        }
        _ => error,
    })
}

fn number(container: &Container) -> u32 {
    label(&container.labels, NUMBER).and_then(|number| number.parse().ok()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use host_sdk::docker::inspect::Health;
    use host_sdk::docker::pair;

    use stack::labels::ONE_OFF;

    use super::*;

    fn container(name: &str, service: &str, number: &str, status: Status) -> Container {
        Container {
            id: format!("id-{name}"),
            name: name.to_owned(),
            image: String::new(),
            image_id: String::new(),
            labels: vec![pair(SERVICE, service), pair(NUMBER, number)],
            created: 0,
            status,
            health: Health::None,
            status_text: "Exited (1) 5 seconds ago".to_owned(),
            ports: Vec::new(),
            endpoints: Vec::new(),
        }
    }

    #[test]
    fn the_lowest_number_that_runs_is_chosen() {
        let mut one_off = container("run", "backend", "1", Status::Running);
        one_off.labels.push(pair(ONE_OFF, "True"));
        let containers = [
            one_off,
            container("c-10", "backend", "10", Status::Running),
            container("c-2", "backend", "2", Status::Running),
            container("c-1", "backend", "1", Status::Exited),
            container("backend-1", "backend-worker", "1", Status::Running),
        ];
        assert_eq!(choose(&containers, "backend").unwrap().name, "c-2");
    }

    #[test]
    fn where_none_runs_it_says_what_there_is_and_what_to_do() {
        let containers = [container("shop-backend-1", "backend", "1", Status::Exited), container("shop-db-1", "db", "1", Status::Running)];
        let failure = choose(&containers, "backend").unwrap_err().into_failure();
        let message = "no container of the service `backend` is running: shop-backend-1 (Exited (1) 5 seconds ago)";
        assert_eq!((failure.message.as_str(), failure.ending.code()), (message, 3));
        assert_eq!(failure.hints, ["`host run up backend` starts it"]);
        let failure = choose(&containers, "web").unwrap_err().into_failure();
        assert!(failure.hints[1].contains("backend, db"), "{failure:?}");
        assert!(choose(&[], "web").is_err());
    }
}
