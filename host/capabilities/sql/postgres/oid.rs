//! Type numbers of Postgres' built-in types, which never change, and what an sqlx type comes down to.

use sqlx::TypeInfo;
use sqlx::postgres::{PgTypeInfo, PgTypeKind};

pub(super) const BOOL: u32 = 16;
pub(super) const BYTEA: u32 = 17;
pub(super) const NAME: u32 = 19;
pub(super) const INT8: u32 = 20;
pub(super) const INT2: u32 = 21;
pub(super) const INT4: u32 = 23;
pub(super) const TEXT: u32 = 25;
pub(super) const OID: u32 = 26;
pub(super) const JSON: u32 = 114;
pub(super) const FLOAT4: u32 = 700;
pub(super) const FLOAT8: u32 = 701;
pub(super) const UNKNOWN: u32 = 705;
pub(super) const INET: u32 = 869;
pub(super) const CIDR: u32 = 650;
pub(super) const BPCHAR: u32 = 1042;
pub(super) const VARCHAR: u32 = 1043;
pub(super) const DATE: u32 = 1082;
pub(super) const TIME: u32 = 1083;
pub(super) const TIMESTAMP: u32 = 1114;
pub(super) const TIMESTAMPTZ: u32 = 1184;
pub(super) const TIMETZ: u32 = 1266;
pub(super) const NUMERIC: u32 = 1700;
pub(super) const CSTRING: u32 = 2275;
pub(super) const VOID: u32 = 2278;
pub(super) const UUID: u32 = 2950;
pub(super) const JSONB: u32 = 3802;

/// Types that users create have numbers from here on.
const FIRST_USER_TYPE: u32 = 16_384;

/// The number of an array type and of its elements, for those whose elements are decoded and encoded here.
const ARRAYS: [(u32, u32); 14] = [
    (1000, BOOL),
    (1005, INT2),
    (1007, INT4),
    (1016, INT8),
    (1028, OID),
    (1021, FLOAT4),
    (1022, FLOAT8),
    (1009, TEXT),
    (1014, BPCHAR),
    (1015, VARCHAR),
    (1003, NAME),
    (1231, NUMERIC),
    (2951, UUID),
    (1041, INET),
];

/// The type of an array's elements, when they are simple.
pub(super) fn element(array: u32) -> Option<u32> {
    ARRAYS.iter().find(|(number, _)| *number == array).map(|(_, element)| *element)
}

/// The built-in type whose binary form values of this type have: enums are text, domains what they are based on.
pub(super) fn base(info: &PgTypeInfo) -> u32 {
    match info.kind() {
        PgTypeKind::Domain(of) => base(of),
        PgTypeKind::Enum(_) => TEXT,
        _ if info.name().eq_ignore_ascii_case("citext") => TEXT,
        _ => info.oid().map_or(0, |oid| oid.0),
    }
}

/// The name as Postgres writes it: `int8`, `timestamptz`, `text[]`.
pub(super) fn name(info: &PgTypeInfo) -> String {
    // sqlx writes the names of built-in types in capitals; names that users gave keep their case.
    match info.oid().is_some_and(|oid| oid.0 < FIRST_USER_TYPE) {
        true => info.name().to_ascii_lowercase(),
        false => info.name().to_owned(),
    }
}
