//! The tables as Diesel sees them, kept by hand beside `migrations/sqlite`.
//!
//! Columns that only constraints look at (`blob_state`) are left out: their default is the only
//! legal value.

diesel::table! {
    users (id) {
        id -> Binary,
        phone -> Text,
        name -> Text,
        email -> Nullable<Text>,
        birth -> Nullable<BigInt>,
        password_hash -> Text,
        first_login_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    sessions (seq) {
        seq -> BigInt,
        id -> Binary,
        user_id -> Binary,
        token_sha256 -> Binary,
        created_at -> BigInt,
        last_used_at -> BigInt,
        network -> Nullable<Text>,
    }
}

diesel::table! {
    audit_events (id) {
        id -> BigInt,
        at -> BigInt,
        kind -> Text,
        user_id -> Nullable<Binary>,
        network -> Nullable<Text>,
        request -> Nullable<Text>,
        detail -> Text,
    }
}

diesel::table! {
    redo_logs (seq) {
        seq -> BigInt,
        log -> Text,
        position -> BigInt,
    }
}

diesel::table! {
    blobs (id) {
        id -> BigInt,
        sha256 -> Binary,
        size -> BigInt,
        store_key -> Text,
        state -> Text,
        damaged_at -> Nullable<BigInt>,
        created_at -> BigInt,
        md5 -> Nullable<Binary>,
        twin -> Bool,
    }
}

diesel::table! {
    files (seq) {
        seq -> BigInt,
        id -> Binary,
        owner -> Binary,
        title -> Text,
        md5 -> Binary,
        blob_id -> BigInt,
        public -> Bool,
        created_at -> BigInt,
        label -> Nullable<Text>,
        heat -> Nullable<Double>,
        hotness -> Double,
        twin -> Bool,
    }
}

diesel::table! {
    trash (seq) {
        seq -> BigInt,
        id -> Binary,
        owner -> Binary,
        title -> Text,
        label -> Nullable<Text>,
        md5 -> Binary,
        blob_id -> BigInt,
        public -> Bool,
        created_at -> BigInt,
        deleted_at -> BigInt,
    }
}

diesel::table! {
    favourites (seq) {
        seq -> BigInt,
        id -> Binary,
        owner -> Binary,
        source -> Binary,
        source_owner -> Binary,
        title -> Text,
        label -> Nullable<Text>,
        md5 -> Binary,
        blob_id -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    interactions (user_id, ordinal) {
        user_id -> Binary,
        ordinal -> BigInt,
        blob_id -> BigInt,
        first_at -> BigInt,
        own_day -> Nullable<BigInt>,
        favourite_day -> Nullable<BigInt>,
        download_day -> Nullable<BigInt>,
    }
}

diesel::table! {
    items (blob_id) {
        blob_id -> BigInt,
        users -> BigInt,
        mass -> BigInt,
        heat -> Double,
        neighbours -> Binary,
    }
}

diesel::table! {
    learned (id) {
        id -> BigInt,
        file_seq -> BigInt,
        favourite_seq -> BigInt,
    }
}

diesel::table! {
    avatars (user_id) {
        user_id -> Binary,
        blob_id -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    usage (user_id) {
        user_id -> Binary,
        bytes -> BigInt,
        files -> BigInt,
        quota_bytes -> Nullable<BigInt>,
        quota_files -> Nullable<BigInt>,
    }
}

diesel::table! {
    upload_keys (seq) {
        seq -> BigInt,
        owner -> Binary,
        key -> Text,
        request -> Binary,
        file_id -> Binary,
        sha256 -> Binary,
        md5 -> Binary,
        size -> BigInt,
        public -> Bool,
        created_at -> BigInt,
    }
}

diesel::joinable!(files -> blobs (blob_id));
diesel::joinable!(trash -> blobs (blob_id));
diesel::joinable!(favourites -> blobs (blob_id));
diesel::joinable!(avatars -> blobs (blob_id));
diesel::allow_tables_to_appear_in_same_query!(files, blobs);
diesel::allow_tables_to_appear_in_same_query!(trash, blobs);
diesel::allow_tables_to_appear_in_same_query!(favourites, blobs);
diesel::allow_tables_to_appear_in_same_query!(avatars, blobs);

// SQLite uses a partial index only where the statement holds the index's own condition as literal
// text. A bound parameter would scan, and `dsl::sql` would keep the statement out of the cache.
diesel::postfix_operator!(IsOne, " = 1", backend: diesel::sqlite::Sqlite);
diesel::postfix_operator!(IsLiveText, " = 'live'", backend: diesel::sqlite::Sqlite);
diesel::postfix_operator!(IsDoomedText, " = 'doomed'", backend: diesel::sqlite::Sqlite);

/// `public = 1`, as the partial indexes of `files` have it.
pub(super) type IsPublic = IsOne<files::public>;
/// `state = 'live'`, as the partial index of `blobs` has it.
pub(super) type IsLive = IsLiveText<blobs::state>;

/// `state = 'doomed'`, as the partial index of `blobs` has it.
pub(super) type IsDoomed = IsDoomedText<blobs::state>;

pub(super) fn is_public() -> IsPublic {
    IsOne::new(files::public)
}

pub(super) fn is_live() -> IsLive {
    IsLiveText::new(blobs::state)
}

pub(super) fn is_doomed() -> IsDoomed {
    IsDoomedText::new(blobs::state)
}
