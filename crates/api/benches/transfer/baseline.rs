//! The contract's upload as it is usually written: `web::Json` reads the body, and what it holds is
//! decoded, hashed and written. No database, no accounts; durable, as the server is.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{App, HttpResponse, HttpServer, error, rt, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::server::{self, Server};

#[derive(Deserialize)]
struct Upload {
    token: String,
    name: String,
    data: String,
}

/// Starts it as a process of its own.
pub(crate) struct WebJson {
    // Dropped first: the process is gone before its folder is.
    server: Server,
    folder: TempDir,
}

impl WebJson {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(server::baseline().current_dir(folder.path()));
        Self { server, folder }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Removes what was uploaded.
    pub(crate) fn clear(&self) {
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}

/// Serves until the process is ended. Prints the address first. Files go to the working directory.
pub(crate) fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    rt::System::new()
        .block_on(
            HttpServer::new(|| {
                App::new()
                    .app_data(web::JsonConfig::default().limit(usize::MAX))
                    .route("/app/user/upload", web::post().to(upload))
            })
            .listen(listener)
            .unwrap()
            .run(),
        )
        .unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the usual way is what is measured"
)]
async fn upload(body: web::Json<Upload>) -> actix_web::Result<HttpResponse> {
    let body = body.into_inner();
    let answer = web::block(move || store(body)).await?;
    let answer = answer.map_err(error::ErrorInternalServerError)?;
    Ok(HttpResponse::Created()
        .content_type("application/json")
        .body(answer))
}

fn store(upload: Upload) -> io::Result<String> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let Upload { token, name, data } = upload;
    let bytes = STANDARD.decode(data).map_err(io::Error::other)?;
    let md5 = md5::compute(&bytes);
    let sha256 = Sha256::digest(&bytes);
    let path = PathBuf::from(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
    let mut file = File::create(&path)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    Ok(format!(
        r#"{{"done":true,"token":"{token}","name":"{name}","md5":"{md5:x}","sha256":"{}"}}"#,
        sha256[0]
    ))
}
