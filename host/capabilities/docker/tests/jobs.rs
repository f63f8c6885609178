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
    pause(300).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn one_run_at_a_time_has_a_projects_lock_and_the_other_learns_who() {
    let run = Run::new();
    let (folder, project) = (run.folder.path().join("locks"), run.project.as_str());
    let lock = |at_most: u64| super::super::lock::take(&folder, project, "down", Duration::from_millis(at_most));
    let held = lock(0).await.unwrap();
    let Err(Error::LockHeld(text)) = lock(30).await.map(drop) else { panic!("taken twice") };
    assert_eq!(text, format!("`down` (process {}) works on the project `{project}`", std::process::id()));
    let waiting = async { lock(5_000).await.map(drop) };
    let freeing = async {
        pause(100).await;
        drop(held);
    };
    assert_eq!(tokio::join!(waiting, freeing).0, Ok(()));
    drop(super::super::lock::take(&folder, "another", "up", Duration::ZERO).await.unwrap());
}
