//! What the server says of itself: the document of its routes, and a page that shows it and sends requests.
//!
//! This page is the only thing on the origin that runs scripts, and people paste tokens into it. Its policy lets it run
//! nothing but scripts of this origin, load nothing from elsewhere and send nothing elsewhere; it keeps a token in memory
//! only. What people have stored cannot become part of it: content is told to be bytes, a picture or plain text, with `nosniff`,
//! which no browser runs as a script, and is not given without a header that a page cannot make a `<script>` send.

mod zip;

use std::sync::LazyLock;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
};
use actix_web::{HttpResponse, Resource, web};
use bytes::Bytes;
use kms_domain::codes::Code;
use serde_json::json;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

use super::table::Endpoint;
use crate::app::App;
use crate::call::Call;
use crate::error::ApiError;
use crate::openapi::{Access, Body, Kind, Operation, Parameter, Tag, answer, required};

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Scripts and styles of this origin, and nothing that is written into the page. Swagger UI draws its arrows as `data:`
/// images. Requests go to this origin alone, so a token cannot leave.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);
/// The files change with the server only; a page of a former one must not meet those of this one for long.
const BRIEFLY: HeaderValue = HeaderValue::from_static("private, max-age=600");

const DOCUMENT: Operation = Operation {
    tag: Tag::Documentation,
    summary: "This document",
    about: "",
    access: Access::Open,
    parameters: &[],
    body: Body::None,
    answers: &[
        answer(Code::Done, "the document").of(JSON),
        answer(Code::NotFound, "the operator has switched it off"),
    ],
    examples: &[],
};

const PAGE: Operation = Operation {
    summary: "A page that shows this document and sends requests",
    answers: &[
        answer(Code::Done, "the page").of(HTML),
        answer(Code::NotFound, "the operator has switched it off"),
    ],
    ..DOCUMENT
};

const ASSET: Operation = Operation {
    summary: "A file of that page",
    parameters: &[Parameter::Path(required("asset", ASSET_NAME, "Its name."))],
    answers: &[
        answer(Code::Done, "a script").of(SCRIPT),
        answer(Code::Done, "a style sheet").of(STYLE),
        answer(
            Code::NotFound,
            "there is no such file, or the operator has switched the page off",
        ),
    ],
    ..DOCUMENT
};

const ASSET_NAME: Kind =
    Kind::of(|_| json!({"type": "string", "enum": [UI_SCRIPT, UI_STYLE, START]}));

const UI_SCRIPT: &str = "swagger-ui-bundle.js";
const UI_STYLE: &str = "swagger-ui.css";
const START: &str = "start.js";

const METHODS: &str = "GET, HEAD";
const DOCUMENT_AT: &str = "/api/openapi.json";
const PAGE_AT: &str = "/api/docs";
const ASSET_AT: &str = "/api/docs/{asset}";

pub(super) const ROUTES: &[Endpoint] = &[
    Endpoint {
        path: DOCUMENT_AT,
        methods: METHODS,
        operations: &[("get", &DOCUMENT), ("head", &DOCUMENT)],
    },
    Endpoint {
        path: PAGE_AT,
        methods: METHODS,
        operations: &[("get", &PAGE), ("head", &PAGE)],
    },
    Endpoint {
        path: ASSET_AT,
        methods: METHODS,
        operations: &[("get", &ASSET), ("head", &ASSET)],
    },
];

/// The routes of this module.
pub(super) fn register(config: &mut web::ServiceConfig) {
    let routes: [(_, Give); 3] = [(DOCUMENT_AT, document), (PAGE_AT, page), (ASSET_AT, asset)];
    for (path, give) in routes {
        let answer = move |call: Call| super::surviving(async move { give(&call) });
        config.service(
            Resource::new(path)
                .route(web::get().to(answer))
                .route(web::head().to(answer))
                .default_service(web::to(wrong_method)),
        );
    }
}

type Give = fn(&Call) -> Result<HttpResponse, ApiError>;

async fn wrong_method() -> Result<HttpResponse, ApiError> {
    Err(ApiError::method_not_allowed(METHODS))
}

/// The text of the document, unless it is switched off.
fn text(app: &App) -> Result<&Bytes, ApiError> {
    app.document
        .as_ref()
        .ok_or_else(|| ApiError::new(Code::NotFound))
}

/// `GET /api/openapi.json`: the document of all routes. Code 2 if it is switched off.
fn document(call: &Call) -> Result<HttpResponse, ApiError> {
    Ok(file(JSON, text(&call.app)?.clone()))
}

/// `GET /api/docs`: the page.
fn page(call: &Call) -> Result<HttpResponse, ApiError> {
    text(&call.app)?;
    let mut response = file(HTML, Bytes::from_static(include_bytes!("page.html")));
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    Ok(response)
}

/// `GET /api/docs/{asset}`: a file of the page.
fn asset(call: &Call) -> Result<HttpResponse, ApiError> {
    text(&call.app)?;
    match call.head.match_info().get("asset") {
        Some(START) => Ok(file(SCRIPT, Bytes::from_static(include_bytes!("start.js")))),
        Some(UI_SCRIPT) => packed(SCRIPT, UI_SCRIPT_PACKED.as_ref()),
        Some(UI_STYLE) => packed(STYLE, UI_STYLE_PACKED.as_ref()),
        _ => Err(ApiError::new(Code::NotFound)),
    }
}

static UI_SCRIPT_PACKED: LazyLock<Option<Bytes>> = LazyLock::new(|| from_release(UI_SCRIPT));
static UI_STYLE_PACKED: LazyLock<Option<Bytes>> = LazyLock::new(|| from_release(UI_STYLE));

/// A file of Swagger UI as gzip.
fn from_release(name: &str) -> Option<Bytes> {
    zip::as_gzip(SWAGGER_UI_VENDORED, &format!("/dist/{name}")).map(Bytes::from)
}

fn file(media_type: &'static str, bytes: Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok().body(bytes);
    response.extensions_mut().insert(Code::Done);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, BRIEFLY);
    response
}

/// A file that is kept compressed, and goes out so whatever a client says it takes: every browser takes it.
fn packed(media_type: &'static str, bytes: Option<&Bytes>) -> Result<HttpResponse, ApiError> {
    let lost = || ApiError::because(Code::ServerError, "Swagger UI is not in the binary");
    let mut response = file(media_type, bytes.ok_or_else(lost)?.clone());
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(response)
}
