//! `/api/v1`: the same use cases and codes as `/app` as plain HTTP, with the methods, statuses, headers and
//! refusals of HTTP itself.

mod avatar;
mod claim_file;
mod conditional;
mod conditions;
mod content;
mod create_account;
mod create_file;
mod create_session;
mod delete_file;
mod digests;
mod disposition;
mod end_session;
mod entry;
mod favourites;
mod feeds;
mod form;
mod inline;
mod list_files;
mod list_sessions;
mod listing;
mod me;
mod problem;
mod query;
mod range;
mod reply;
mod representation;
mod trash;
mod user;
mod zip_files;

use actix_web::{HttpResponse, Resource, ResponseError as _, Route, Scope, web};
use kms_domain::codes::Code;

use super::table::{Endpoint, operation_of};
use crate::call::Call;
use crate::error::ApiError;

use problem::Problem;
pub(crate) use problem::{cause, refusal, shown as problem, status};
pub(in crate::routes) use query::query;

/// Makes the table that is registered and the one that is read out of one. The texts are what `Allow` says.
macro_rules! below {
    ($prefix:literal: $($path:literal, $allow:literal { $($method:ident => $module:ident::$handler:ident $(as $operation:ident)?),+ })+) => {
        const PREFIX: &str = $prefix;

        pub(super) const ROUTES: &[Endpoint] =
            &[$(Endpoint {
                path: concat!($prefix, $path),
                methods: $allow,
                operations: &[$((
                    stringify!($method),
                    operation_of!($module $(, $operation)?),
                )),+],
            }),+];

        fn register(scope: Scope) -> Scope {
            scope$(.service(
                Resource::new($path)
                    $(.route(to(web::$method(), $module::$handler)))+
                    .default_service(to(web::route(), |_: Call| async {
                        Err(ApiError::method_not_allowed($allow))
                    })),
            ))+
        }
    };
}

below! {
    "/api/v1":
    "/accounts", "POST" { post => create_account::create_account }
    "/sessions", "GET, POST" {
        get => list_sessions::list_sessions,
        post => create_session::create_session
    }
    // In front of the one that takes any id.
    "/sessions/current", "DELETE" { delete => end_session::end_current as OPERATION_CURRENT }
    "/sessions/{id}", "DELETE" { delete => end_session::end_session }
    "/me", "GET, PATCH" { get => me::me, patch => me::change_me as OPERATION_CHANGE }
    "/me/avatar", "GET, HEAD, PUT" {
        get => avatar::avatar,
        head => avatar::avatar as OPERATION_HEAD,
        put => avatar::set_avatar as OPERATION_SET
    }
    "/users/{id}", "GET" { get => user::user }
    "/files", "GET, POST" { get => list_files::list_files, post => create_file::create_file }
    // In front of those that take any id.
    "/files/claims", "POST" { post => claim_file::claim_file }
    "/files/zip", "POST" { post => zip_files::zip_files }
    "/files/{fid}", "DELETE, GET, PATCH" {
        get => entry::entry,
        patch => entry::change_entry as OPERATION_CHANGE,
        delete => delete_file::delete_file
    }
    "/files/{fid}/content", "GET, HEAD" { get => content::content, head => content::content as OPERATION_HEAD }
    "/trash", "GET" { get => trash::list_trash }
    "/trash/{fid}", "DELETE" { delete => trash::purge as OPERATION_PURGE }
    "/trash/{fid}/restore", "POST" { post => trash::restore as OPERATION_RESTORE }
    "/favourites/{fid}", "DELETE, PUT" {
        put => favourites::add_favourite as OPERATION_ADD,
        delete => favourites::cancel_favourite as OPERATION_CANCEL
    }
    "/favourites", "GET" { get => favourites::list_favourites }
    "/hot", "GET" { get => feeds::hot as OPERATION_HOT }
    "/recommended", "GET" { get => feeds::recommended as OPERATION_RECOMMENDED }
}

/// The routes below the prefix, and an answer for all the others.
pub(super) fn scope() -> Scope {
    register(web::scope(PREFIX)).default_service(to(web::route(), unknown_route))
}

/// The readers of headers, for who compares them with plainer ones.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod readers {
    /// The tags of a line, each with whether it is weak.
    pub(crate) fn tags(line: &[u8]) -> Option<Vec<(bool, Vec<u8>)>> {
        super::conditional::listed(line)
    }

    /// The `Content-Disposition` of a title.
    pub(crate) fn attachment(title: &str) -> String {
        super::disposition::Disposition::Attachment.value(title)
    }

    /// See `kms_api::inprocess::plain::range`, which this must be like.
    pub(crate) fn range(value: &[u8], size: u64) -> Option<Option<(u64, u64)>> {
        let range = super::range::Range::parse(value)?;
        let span = range.within(size);
        Some(span.map(|span| (span.start, span.length)))
    }
}

/// Whether a path is answered here, an unknown one below the prefix included.
pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An error of whoever stands before the handlers, as a problem.
pub(crate) fn refused(error: ApiError) -> HttpResponse {
    Problem::from(error).error_response()
}

/// A handler whose errors become problems.
pub(super) fn to<F, Answering>(route: Route, handler: F) -> Route
where
    F: Fn(Call) -> Answering + Clone + 'static,
    Answering: Future<Output = Result<HttpResponse, ApiError>> + 'static,
{
    route.to(move |call: Call| problems(handler(call)))
}

async fn problems(
    answering: impl Future<Output = Result<HttpResponse, ApiError>>,
) -> Result<HttpResponse, Problem> {
    Ok(super::surviving(answering).await?)
}

async fn unknown_route(_: Call) -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(Code::NotFound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_ends_where_a_segment_does() {
        for path in ["/api/v1", "/api/v1/", "/api/v1/files", "/api/v1//"] {
            assert!(owns(path), "{path}");
        }
        for path in ["/", "/api", "/api/v10", "/api/v1x/files", "/app/api/v1"] {
            assert!(!owns(path), "{path}");
        }
    }
}
