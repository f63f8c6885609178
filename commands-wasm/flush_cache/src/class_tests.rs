//! Real names of keys, and what they are.

use super::*;

fn class_of(key: &str) -> Option<Match> {
    classify(key.as_bytes(), &Heads::default())
}

/// As the programs write them.
const SPARED: [(&str, Class, &[&str]); 96] = [
    // Celery 5 and its result backend.
    ("celery", Class::Celery, LIST),
    ("celery-task-meta-6c8e1c9f-6f8f-4d4a-8d55-8b1f3a1f7a55", Class::Celery, ANY),
    ("celery-taskset-meta-0a0a8b0e-5a8f-4f5e-b5b0-8d7f6a5c4b3a.j", Class::Celery, ANY),
    ("chord-unlock-0a0a8b0e-5a8f-4f5e-b5b0-8d7f6a5c4b3a", Class::Celery, ANY),
    ("shop_celery-task-meta-6c8e1c9f", Class::Celery, ANY),
    ("shop:celery-task-meta-6c8e1c9f", Class::Celery, ANY),
    ("shop:celery", Class::Celery, LIST),
    ("celery@web-1.celery.pidbox", Class::Celery, ANY),
    ("1b2c3d4e-0000-3000-8000-000000000000.reply.celery.pidbox", Class::Celery, ANY),
    ("celeryev.0e0b0c9a-1111-4222-8333-444455556666", Class::Celery, LIST),
    ("redbeat:report", Class::Celery, ANY),
    ("redbeat::schedule", Class::Celery, ANY),
    // kombu.
    ("_kombu.binding.celery", Class::Kombu, ANY),
    ("_kombu.binding.reply.celery.pidbox", Class::Kombu, ANY),
    ("_kombu.binding_permanent.celery", Class::Kombu, ANY),
    ("_kombu.binding_deadlines", Class::Kombu, ANY),
    ("shop_kombu.binding.celery", Class::Kombu, ANY),
    ("shop:_kombu.binding.emails", Class::Kombu, ANY),
    ("unacked", Class::Kombu, ANY),
    ("unacked_index", Class::Kombu, ANY),
    ("unacked_mutex", Class::Kombu, ANY),
    ("shop:unacked", Class::Kombu, ANY),
    ("celery\x06\x163", Class::Kombu, ANY),
    ("emails\x06\x169", Class::Kombu, ANY),
    // Django Channels: the default prefix, and those of venueless and eventyay.
    ("asgi:group:chat", Class::Channels, ANY),
    ("asgispecific.0123456789abcdef0123456789abcdef!", Class::Channels, ZSET),
    ("asgispecific.0123456789abcdef0123456789abcdef!$inflight", Class::Channels, ZSET),
    ("asgithumbnails-generate", Class::Channels, ZSET),
    ("venueless:0:asgi::group:version.3f2a1b.production", Class::Channels, ANY),
    ("venueless:0:asgi:specific.0123456789abcdef0123456789abcdef!", Class::Channels, ANY),
    ("eventyay:asgi:specific.0123456789abcdef0123456789abcdef!", Class::Channels, ANY),
    ("eventyay:asgi::group:room.7", Class::Channels, ANY),
    ("live:group:chat_lobby", Class::Channels, ZSET),
    ("livespecific.0123456789abcdef0123456789abcdef!", Class::Channels, ANY),
    // Labels of connections.
    ("connections", Class::Connections, ANY),
    ("connections:3f2a1b.production", Class::Connections, ANY),
    ("host:gateways", Class::Connections, ANY),
    ("host:gateway:a5b628aaad38cae9:counts", Class::Connections, ANY),
    ("version.3f2a1b.production", Class::Connections, ZSET),
    // Bull and BullMQ.
    ("bull:emails:id", Class::Bull, ANY),
    ("bull:emails:wait", Class::Bull, ANY),
    ("bull:emails:meta", Class::Bull, ANY),
    ("bull:emails:events", Class::Bull, ANY),
    ("bull:emails:stalled-check", Class::Bull, ANY),
    ("bull:emails:42", Class::Bull, ANY),
    ("bull:emails:42:lock", Class::Bull, ANY),
    ("{bull}:emails:active", Class::Bull, ANY),
    ("{bull:emails}:active", Class::Bull, ANY),
    ("shop:bull:emails:delayed", Class::Bull, ANY),
    // Sidekiq, also in a namespace.
    ("queues", Class::Sidekiq, SET),
    ("queue:default", Class::Sidekiq, LIST),
    ("queue:mailers", Class::Sidekiq, LIST),
    ("schedule", Class::Sidekiq, ZSET),
    ("retry", Class::Sidekiq, ZSET),
    ("dead", Class::Sidekiq, ZSET),
    ("processes", Class::Sidekiq, SET),
    ("stat:processed", Class::Sidekiq, ANY),
    ("stat:failed", Class::Sidekiq, ANY),
    ("stat:processed:2026-01-31", Class::Sidekiq, ANY),
    ("shop:queue:default", Class::Sidekiq, LIST),
    ("shop:retry", Class::Sidekiq, ZSET),
    ("cron_job:cleanup", Class::Sidekiq, ANY),
    ("uniquejobs:2f3e", Class::Sidekiq, ANY),
    // RQ.
    ("rq:queues", Class::Rq, ANY),
    ("rq:queue:default", Class::Rq, ANY),
    ("rq:job:1f2e3d4c-5b6a-4798-8a9b-acbdcedfe0f1", Class::Rq, ANY),
    ("rq:workers", Class::Rq, ANY),
    ("rq:worker:web-1.4711", Class::Rq, ANY),
    ("rq:finished:default", Class::Rq, ANY),
    ("rq:scheduler:scheduled_jobs", Class::Rq, ANY),
    // Other queues.
    ("dramatiq:default", Class::Queues, ANY),
    ("dramatiq:default.msgs", Class::Queues, ANY),
    ("arq:queue", Class::Queues, ANY),
    ("arq:job:1f2e", Class::Queues, ANY),
    ("huey.redis.shop", Class::Queues, ANY),
    ("resque:queue:mail", Class::Queues, ANY),
    ("bq:addition:jobs", Class::Queues, ANY),
    ("queues:default", Class::Queues, &["list", "zset"]),
    ("queues:default:delayed", Class::Queues, &["list", "zset"]),
    ("laravel_database_queues:default", Class::Queues, ANY),
    ("laravel_horizon:job:1", Class::Queues, ANY),
    // Sessions.
    (":1:django.contrib.sessions.cachek3j4h5k3j4h5k3j4h5k3j4h5k3j4h5k3", Class::Sessions, ANY),
    ("shop:1:django.contrib.sessions.cached_dbk3j4h5k3j4h5k3j4h5", Class::Sessions, ANY),
    ("spring:session:sessions:33fdd1b6-b496-4b33-9f7d-df96679d32fe", Class::Sessions, ANY),
    ("spring:session:sessions:expires:33fdd1b6-b496-4b33-9f7d-df96679d32fe", Class::Sessions, ANY),
    ("spring:session:expirations:1439245080000", Class::Sessions, ANY),
    ("sess:J3mGHT4kmD0bTZ2pYkQzT1qk3k4vJ8bE", Class::Sessions, ANY),
    ("shop:sess:J3mGHT4kmD0bTZ2pYkQzT1qk3k4vJ8bE", Class::Sessions, ANY),
    ("session:4b1f0a52-8b2c-4e0e-9f3a-2f1e0d9c8b7a", Class::Sessions, ANY),
    ("rack:session:2::f0e1d2c3", Class::Sessions, ANY),
    ("_session_id:2::f0e1d2c3", Class::Sessions, ANY),
    ("PHPREDIS_SESSION:q1w2e3r4t5y6u7i8o9p0a1s2d3", Class::Sessions, ANY),
    ("PHPREDIS_CLUSTER_SESSION:q1w2e3r4t5y6u7i8o9p0", Class::Sessions, ANY),
    ("sf_sq1w2e3r4t5y6u7i8o9p0a1s2d3", Class::Sessions, ANY),
    ("shop:session:4b1f0a52", Class::Sessions, ANY),
    ("app:spring:session:sessions:33fdd1b6", Class::Sessions, ANY),
];

#[test]
fn keys_of_queues_sessions_and_layers_are_known_by_their_names() {
    for (key, class, kinds) in SPARED {
        assert_eq!(class_of(key), Some(Match { class, kinds }), "{key:?}");
    }
}

#[test]
fn keys_of_caches_are_cache() {
    let cache = [
        "",
        ":",
        ":1:product_5",
        ":1:views.decorators.cache.cache_page..GET.d41d8cd98f00b204e9800998ecf8427e.d41d8cd98f00b204e9800998ecf8427e.en.UTC",
        "shop:cache:product:5",
        "shop:cache:session:5",
        "shop:cache:celery",
        "shop:1:group_list",
        "template.cache.sidebar.d41d8cd98f00b204e9800998ecf8427e",
        "celery_stats",
        "celeryman",
        "mycelery-task-meta",
        "xcelery-task-meta-1",
        "unacked_messages",
        "bullion:price",
        "bull",
        "bull:",
        "rq",
        "rq:",
        "queued:things",
        "queueing",
        "retry_count",
        "schedules",
        "connections_count",
        "connections:",
        "versions.1",
        "version.",
        "asgi",
        "sessionless:1",
        "sess",
        "sess:",
        "sf_short",
        "sf_settings:theme:default:of:the:shop",
        "spring:sessions",
        "specific.0123456789abcdef0123456789abcdef",
        "specific.xyz!abc",
        "wow!",
        "user:7:groups",
        "item\x06\x16",
        "laravel_cache:product:7",
        "PHPREDIS_SESSION",
        "_kombu.",
    ];
    for key in cache {
        assert_eq!(class_of(key), None, "{key:?}");
    }
}

#[test]
fn names_are_looked_for_behind_prefixes_that_are_known() {
    let heads = Heads::new([b"shop:prod:".to_vec(), b"shop_".to_vec(), Vec::new()]);
    for key in ["shop:prod:celery", "shop_celery"] {
        assert_eq!(class_of(key), None, "{key}");
        assert_eq!(classify(key.as_bytes(), &heads).map(|found| found.class), Some(Class::Celery), "{key}");
    }
}

#[test]
fn bytes_that_are_no_text_are_compared_as_they_are() {
    assert_eq!(classify(b"\xff\xfe\0", &Heads::default()), None);
    assert_eq!(classify(b"\xffcelery-task-meta-\xff", &Heads::default()).map(|found| found.class), Some(Class::Celery));
}

#[test]
fn each_class_is_listed_once_and_has_the_word_that_names_it() {
    for (place, class) in Class::ALL.into_iter().enumerate() {
        assert_eq!(class as usize, place);
        assert_eq!(Class::from_str(class.word(), false), Ok(class));
    }
    assert_eq!(Class::from_str("asgi", false), Ok(Class::Channels));
}
