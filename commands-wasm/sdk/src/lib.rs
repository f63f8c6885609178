mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit/command", "../../wit/terminal", "../../wit/sql", "../../wit/wasi-config"],
        inline: "
            package host:sdk@0.1.0;
            world guest {
                import host:command/run@0.1.0;
                import host:terminal/settings@0.1.0;
                import host:terminal/prompt@0.1.0;
                import host:terminal/progress@0.1.0;
                import host:sql/types@0.1.0;
                import host:sql/read@0.1.0;
                import host:sql/write@0.1.0;
                import host:sql/schema@0.1.0;
                import host:sql/lock@0.1.0;
                import host:sql/admin@0.1.0;
                import wasi:config/store@0.2.0-rc.1;
            }
        ",
        world: "host:sdk/guest",
        generate_all,
    });
}
pub use bindings::*;
