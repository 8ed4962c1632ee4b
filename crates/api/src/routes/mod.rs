//! The route table. One file an endpoint: its fields, its reply, its handler.

mod avatar;
pub(crate) mod docs;
mod entry_list;
mod favorite;
mod file_list;
mod get_avatar;
mod get_file;
mod info;
mod login;
mod logout;
mod modify;
mod modify_file;
mod own_file_list;
mod recommended;
mod register;
mod sessions;
mod table;
mod test_phone;
mod trash;
mod upload;
pub(crate) mod v1;

use std::panic::AssertUnwindSafe;

use actix_web::dev::HttpServiceFactory;
use actix_web::{HttpResponse, Resource, web};
use futures_util::FutureExt;
use kms_domain::codes::Code;

use crate::call::Call;
use crate::error::ApiError;
use crate::offload::panic_text;
use table::operation_of;
pub use table::{Endpoint, endpoints};

/// Makes the table that is registered and the one that is read out of one.
macro_rules! contract {
    ($($path:literal => $module:ident::$handler:ident $(as $operation:ident)?,)+) => {
        const ROUTES: &[Endpoint] = &[$(Endpoint {
            path: $path,
            methods: "POST",
            operations: &[("post", operation_of!($module $(, $operation)?))],
        }),+];

        fn register(config: &mut web::ServiceConfig) {
            config$(.service(post($path).to($module::$handler)))+;
        }
    };
}

contract! {
    "/app/register" => register::register,
    "/app/register/testphone" => test_phone::test_phone,
    "/app/login" => login::login,
    "/app/user/avatar" => avatar::set_avatar,
    "/app/user/get_avatar" => get_avatar::get_avatar,
    "/app/user/upload" => upload::upload,
    "/app/user/getfile" => get_file::get_file,
    "/app/user/modify" => modify::modify,
    "/app/user/modifyinfo" => modify::modify as OPERATION_MODIFYINFO,
    "/app/user/logout" => logout::logout,
    "/app/user/sessions" => sessions::sessions,
    "/app/user/getownfilelist" => own_file_list::own_file_list,
    "/app/user/getfilelist" => recommended::recommended,
    "/app/user/info" => info::info,
    "/app/user/modifyfile" => modify_file::modify_file,
    "/app/user/favorite" => favorite::favorite,
    "/app/user/trash" => trash::trash,
}

/// The contract's routes, those below `/api/v1`, and an answer for all the others.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    register(config);
    config
        .service(v1::scope())
        .configure(docs::register)
        .default_service(web::to(unknown_route));
}

/// The same, and one of each kind whose handler panics.
#[cfg(test)]
pub(crate) fn configure_with_broken_ones(config: &mut web::ServiceConfig) {
    async fn broken(_: Call) -> Result<HttpResponse, ApiError> {
        panic!("a broken handler")
    }
    config
        .service(post("/app/broken").to(broken))
        .service(Resource::new("/api/v1/broken").route(v1::to(web::get(), broken)))
        .configure(configure);
}

/// A route that knows only POST, as all of the contract's do.
fn post(path: &'static str) -> Post {
    Post(path)
}

struct Post(&'static str);

impl Post {
    fn to<F, Answering>(self, handler: F) -> impl HttpServiceFactory
    where
        F: Fn(Call) -> Answering + Clone + 'static,
        Answering: Future<Output = Result<HttpResponse, ApiError>> + 'static,
    {
        Resource::new(self.0)
            .route(web::post().to(move |call: Call| surviving(handler(call))))
            .default_service(web::to(only_post))
    }
}

/// Runs a handler; a panic in it is code 5 and a line in the log, and the worker lives.
async fn surviving(
    answering: impl Future<Output = Result<HttpResponse, ApiError>>,
) -> Result<HttpResponse, ApiError> {
    AssertUnwindSafe(answering)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| {
            let text = format!("a handler panicked: {}", panic_text(&*panic));
            Err(ApiError::because(Code::ServerError, text))
        })
}

async fn only_post() -> Result<HttpResponse, ApiError> {
    Err(ApiError::method_not_allowed("POST"))
}

async fn unknown_route() -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(Code::NotFound))
}
