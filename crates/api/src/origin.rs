//! Where a request came from, as the audit log and the list of sessions keep it.

use actix_web::{HttpRequest, web};
use kms_domain::audit::{Network, Origin};

use crate::app::App;
use crate::middleware::RequestId;

/// What is kept of where the request of `head` came from.
pub(crate) fn origin(head: &HttpRequest) -> Origin {
    let id = RequestId::of(head);
    Origin {
        network: session_network(head),
        request: (!id.as_str().is_empty()).then(|| id.as_str().to_owned()),
    }
}

/// The client's network, in short form.
fn session_network(head: &HttpRequest) -> Option<Network> {
    let app = head.app_data::<web::Data<App>>()?;
    Some(app.network_of(head).widened())
}
