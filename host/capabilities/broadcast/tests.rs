//! Tests of the whole capability against a real Redis.
