//! What one call may ask for, at its bound and past it.

use super::super::limits::{NAME_BYTES, QUESTIONS};
use super::*;

#[track_caller]
fn too_much<T: std::fmt::Debug>(answer: Answer<T>) {
    assert!(matches!(answer, Err(Error::LimitExceeded(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_questions_as_one_call_may_ask_are_answered_and_one_more_is_too_much() {
    let mut run = Run::with(&engine::shared(), |grant| grant.ports = vec!["20000-29999".to_owned()]);
    let specs = |count| vec![run.spec("web"); count];
    let (at, past) = (specs(QUESTIONS), specs(QUESTIONS + 1));
    assert!(create::Host::check(&mut run.view(), at, ground(0)).await.unwrap().unwrap().denials.is_empty());
    too_much(create::Host::check(&mut run.view(), past, ground(0)).await.unwrap());
    let verdict = create::Host::check(&mut run.view(), vec![], ground(QUESTIONS)).await.unwrap().unwrap();
    assert_eq!(verdict.denials.len(), QUESTIONS);
    too_much(create::Host::check(&mut run.view(), vec![], ground(QUESTIONS + 1)).await.unwrap());

    let references = |count| vec!["busybox:1".to_owned(); count];
    let found = inspect::Host::images(&mut run.view(), references(QUESTIONS)).await.unwrap().unwrap();
    assert!(found.len() == QUESTIONS && found.iter().all(Option::is_some));
    too_much(inspect::Host::images(&mut run.view(), references(QUESTIONS + 1)).await.unwrap());

    let ports = |count: usize| (20_000..).take(count).collect::<Vec<u16>>();
    inspect::Host::port_holders(&mut run.view(), ports(QUESTIONS)).await.unwrap().unwrap();
    too_much(inspect::Host::port_holders(&mut run.view(), ports(QUESTIONS + 1)).await.unwrap());

    run.create(run.spec("web")).await.unwrap();
    let name = run.name("web");
    let job = inspect::Host::watch(&mut run.view(), name, inspect::Until::Exited).await.unwrap().unwrap();
    let jobs = |count| (0..count).map(|_| Resource::new_borrow(job.rep())).collect::<Vec<Resource<Job>>>();
    assert_eq!(types::Host::wait(&mut run.view(), jobs(QUESTIONS), 1).await.unwrap(), Ok(vec![]));
    too_much(types::Host::wait(&mut run.view(), jobs(QUESTIONS + 1), 1).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_as_long_as_may_be_is_looked_for_and_one_byte_more_is_too_much() {
    let mut run = Run::new();
    let (at, past) = ("n".repeat(NAME_BYTES), "n".repeat(NAME_BYTES + 1));
    missing(run.details(&at).await);
    too_much(run.details(&past).await);
    missing(run.start(&at).await);
    too_much(run.start(&past).await);
    missing(run.watch(&at, inspect::Until::Exited).await);
    too_much(run.watch(&past, inspect::Until::Exited).await);
    // What is not there need not be removed.
    run.remove(&at).await.unwrap();
    too_much(run.remove(&past).await);
    for (name, is_past) in [(&at, false), (&past, true)] {
        let begun = start_stop::Host::signal(&mut run.view(), name.clone(), "HUP".to_owned()).await;
        let answer = run.done(begun).await;
        if is_past { too_much(answer) } else { drop(missing(answer)) }
    }
}
