//! `/api/v1`: files as plain HTTP, for clients that want to move bytes and nothing else. Same use
//! cases and codes as `/app`, with the statuses, headers and refusals of HTTP itself.

mod conditional;
mod content;
mod create_file;
mod delete_file;
mod disposition;
mod problem;
mod range;

use actix_web::{HttpResponse, Resource, ResponseError as _, Route, Scope, web};
use kms_domain::codes::Code;

use crate::call::Call;
use crate::error::ApiError;

use problem::Problem;
pub(crate) use problem::{cause, refusal};

const PREFIX: &str = "/api/v1";

/// The routes below the prefix.
pub(super) fn scope() -> Scope {
    web::scope(PREFIX)
        .service(
            Resource::new("/files")
                .route(to(web::post(), create_file::create_file))
                .default_service(to(web::route(), only_post)),
        )
        .service(
            Resource::new("/files/{fid}")
                .route(to(web::delete(), delete_file::delete_file))
                .default_service(to(web::route(), only_delete)),
        )
        .service(
            Resource::new("/files/{fid}/content")
                .route(to(web::get(), content::content))
                .route(to(web::head(), content::content))
                .default_service(to(web::route(), only_get)),
        )
        .default_service(to(web::route(), unknown_route))
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

async fn only_post(_: Call) -> Result<HttpResponse, ApiError> {
    Err(ApiError::method_not_allowed("POST"))
}

async fn only_delete(_: Call) -> Result<HttpResponse, ApiError> {
    Err(ApiError::method_not_allowed("DELETE"))
}

async fn only_get(_: Call) -> Result<HttpResponse, ApiError> {
    Err(ApiError::method_not_allowed("GET, HEAD"))
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
