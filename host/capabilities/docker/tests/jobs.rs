//! Many things at once, and the project's lock.

use super::super::limits;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn as_many_jobs_as_may_work_at_once_and_one_more_is_refused() {
    let mut run = Run::new();
    run.create(run.spec("web")).await.unwrap();
    let name = run.name("web");
    let mut jobs = Vec::new();
    for _ in 0..limits::JOBS {
        jobs.push(inspect::Host::watch(&mut run.view(), name.clone(), inspect::Until::Exited).await.unwrap().unwrap());
    }
    let refused = inspect::Host::watch(&mut run.view(), name.clone(), inspect::Until::Exited).await.unwrap();
    assert!(matches!(refused, Err(Error::LimitExceeded(_))), "{refused:?}");
    let borrowed = || jobs.iter().map(|job| Resource::new_borrow(job.rep())).collect::<Vec<_>>();
    let ready = types::Host::wait(&mut run.view(), borrowed(), 50).await.unwrap().unwrap();
    assert!(ready.is_empty(), "nothing happened to any of them");
    // Dropping one cancels it and makes room.
    run.view().drop(jobs.pop().unwrap()).await.unwrap();
    let next = inspect::Host::watch(&mut run.view(), name.clone(), inspect::Until::Exited).await.unwrap();
    jobs.push(next.unwrap());
    run.leave.send_replace(Leave::Terminated);
    for job in &jobs {
        let outcome = run.view().outcome(Resource::new_borrow(job.rep())).await.unwrap();
        assert!(matches!(outcome, Some(Err(Error::Cancelled(_)))), "{outcome:?}");
    }
    let waited = types::Host::wait(&mut run.view(), vec![Resource::new_borrow(jobs[0].rep())], 50).await.unwrap();
    assert!(matches!(waited, Err(Error::Cancelled(_))));
}

#[tokio::test]
async fn one_run_at_a_time_has_a_projects_lock_and_the_other_learns_who() {
    let folder = tempfile::tempdir().unwrap();
    let places =
        |own: &str, user: Option<&str>| Places { project: locks(folder.path().join(own)), user: user.map(|user| folder.path().join(user)) };
    let endpoint = |address: &str| Endpoint { address: address.to_owned(), certificates: None, logins: None };
    let take = async |places: Places, endpoint: Endpoint, project: &str, at_most: u64| {
        super::super::lock::take(&places, &endpoint, project, "down", Duration::from_millis(at_most)).await
    };
    let engine = || endpoint("unix:///run/engine.sock");
    let held = take(places("one", Some("user")), engine(), "shop", 0).await.unwrap();
    // Another folder of the same user, and another user in the same folder.
    for other in [places("two", Some("user")), places("one", Some("other")), places("one", None)] {
        let Err(Error::LockHeld(text)) = take(other, engine(), "shop", 30).await.map(drop) else { panic!("taken twice") };
        assert_eq!(text, format!("`down` (process {}) works on the project `shop`", std::process::id()));
    }
    for (other, engine, project) in [
        (places("two", Some("user")), engine(), "another"),
        (places("two", Some("user")), endpoint("tcp://build:2376"), "shop"),
        (places("two", Some("other")), engine(), "shop"),
    ] {
        drop(take(other, engine, project, 0).await.unwrap());
    }
    let waiting = async { take(places("two", Some("user")), engine(), "shop", 5_000).await.map(drop) };
    let freeing = async {
        pause(100).await;
        drop(held);
    };
    assert_eq!(tokio::join!(waiting, freeing).0, Ok(()));
}

#[tokio::test]
async fn links_to_a_socket_are_the_same_engine_and_a_folder_that_others_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("socket"), "").unwrap();
    std::os::unix::fs::symlink(at("socket"), at("link")).unwrap();
    let take = async |own: &str, socket: &str| {
        let places = Places { project: locks(at(own)), user: Some(at("user")) };
        let endpoint = Endpoint { address: format!("unix://{}", at(socket).display()), certificates: None, logins: None };
        super::super::lock::take(&places, &endpoint, "shop", "up", Duration::ZERO).await
    };
    let held = take("one", "socket").await.unwrap();
    assert!(matches!(take("two", "link").await.map(drop), Err(Error::LockHeld(_))));
    std::fs::set_permissions(at("user"), std::fs::Permissions::from_mode(0o777)).unwrap();
    drop(take("two", "link").await.unwrap());
    assert!(matches!(take("one", "link").await.map(drop), Err(Error::LockHeld(_))));
    drop(held);
}

/// `.host/locks` in a project's folder.
fn locks(project: std::path::PathBuf) -> OwnFolder {
    std::fs::create_dir_all(&project).unwrap();
    OwnFolder::new(project, ".host/locks")
}

#[tokio::test]
async fn a_lock_is_a_file_of_the_projects_own_folder_and_no_link_is_followed_to_it() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let (project, outside) = (folder.path().join("project"), folder.path().join("outside"));
    let places = Places { project: locks(project.clone()), user: Some(folder.path().join("user")) };
    let take = async || {
        let endpoint = Endpoint { address: "unix:///run/engine.sock".to_owned(), ..Endpoint::default() };
        // A process that another test is starting has all files of this one until its program begins.
        super::super::lock::take(&places, &endpoint, "shop", "up", Duration::from_secs(5)).await.map(drop)
    };
    take().await.unwrap();
    std::fs::create_dir(&outside).unwrap();
    let victim = outside.join("docker-shop.lock");
    std::fs::write(&victim, "precious").unwrap();
    let path = |name: &str| project.join(name);
    let strange: [(&str, &dyn Fn()); 5] = [
        (".host/locks/docker-shop.lock", &|| symlink(&victim, path(".host/locks/docker-shop.lock")).unwrap()),
        (".host/locks/docker-shop.lock", &|| symlink("nowhere", path(".host/locks/docker-shop.lock")).unwrap()),
        (".host/locks/docker-shop.lock", &|| std::fs::create_dir(path(".host/locks/docker-shop.lock")).unwrap()),
        (".host/locks", &|| symlink(&outside, path(".host/locks")).unwrap()),
        (".host", &|| symlink(&outside, path(".host")).unwrap()),
    ];
    for (name, make) in strange {
        let is_folder = path(name).is_dir() && !path(name).is_symlink();
        if is_folder {
            std::fs::remove_dir_all(path(name)).unwrap()
        } else {
            std::fs::remove_file(path(name)).unwrap()
        }
        make();
        let Err(Error::Other(text)) = take().await else { panic!("{name} was used") };
        assert!(text.contains("`.host/locks/docker-shop.lock`") && text.contains("remove"), "{text}");
        assert!(!text.contains("outside"), "{text}");
    }
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    std::fs::remove_file(path(".host")).unwrap();
    take().await.unwrap();
}
