//! From a spec to what the engine is asked for.
