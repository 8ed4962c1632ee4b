//! The requests of the matrix below `/api/v1`.

use serde_json::{Value, json};

use super::Aim::{Change, Leave, Open, Own, Read, Remove, Trash};
use super::{Aim, Asker, DELETED, Named, Scene};
use crate::harness::Person;

impl Scene {
    /// What a request below `/api/v1` has for its path and its body.
    fn plain(
        &mut self,
        route: (&str, &str),
        token: Option<&str>,
        named: &Named,
    ) -> (String, Vec<u8>) {
        let number = self.next();
        let object = |value: Value| value.to_string().into_bytes();
        let path = route.1.replace("{fid}", &named.0);
        match route {
            ("POST", "/api/v1/accounts") => (path, object(Person::new().fields())),
            ("POST", "/api/v1/sessions") => {
                let visitor = &self.visitor;
                let fields = json!({"phone": visitor.phone, "password": visitor.password});
                (path, object(fields))
            }
            ("PATCH", "/api/v1/files/{fid}") => {
                (path, object(json!({"name": format!("name {number}")})))
            }
            ("DELETE", "/api/v1/favourites/{fid}") => {
                // Of what the asker may make one.
                let fields = json!({"token": token, "fid": named.0});
                self.server.client().post("/app/user/favorite", fields);
                (path, vec![])
            }
            ("PATCH", "/api/v1/me") => (path, object(json!({"name": format!("name {number}")}))),
            ("DELETE", "/api/v1/sessions/{id}") => {
                (path.replace("{id}", &self.session_of(token)), vec![])
            }
            (_, "/api/v1/users/{id}") => {
                let id = self.other.info().json["userid"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                (path.replace("{id}", &id), vec![])
            }
            ("POST", "/api/v1/files/claims") => {
                // Private, lest what the owner claims be everybody's to claim.
                let claim =
                    json!({"name": "a", "md5": named.1, "sha256": named.2, "public": false});
                (path, object(claim))
            }
            ("POST", "/api/v1/files/zip") => (path, object(json!({"fids": [named.0]}))),
            ("PUT", "/api/v1/me/avatar") => (path, b"avatar".to_vec()),
            ("POST", "/api/v1/files") => {
                (path + "?name=a", format!("stored {number}").into_bytes())
            }
            _ => (path, vec![]),
        }
    }

    /// The id of the session that a token opens; some id, if it opens none.
    fn session_of(&self, token: Option<&str>) -> String {
        let fields = json!({"token": token});
        let answer = self.server.client().post("/app/user/sessions", fields);
        let current = answer.json["current"].as_str();
        current
            .unwrap_or("67e55044-10b1-426f-9247-bb680e5fe0c8")
            .to_owned()
    }

    /// One request below `/api/v1`; the code that its status stands for.
    pub(super) fn fetch(
        &mut self,
        method: &str,
        route: &str,
        aim: Aim,
        asker: Asker,
        named: &Named,
    ) -> u64 {
        let token = self.token_for(aim, asker);
        let (path, body) = self.plain((method, route), token.as_deref(), named);
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer
            .iter()
            .map(|bearer| ("Authorization", bearer.as_str()))
            .collect();
        let client = self.server.client();
        let reply = if body.is_empty() {
            client.fetch(method, &path, &headers, ())
        } else {
            client.fetch(method, &path, &headers, body.as_slice())
        };
        match reply.status {
            status @ (200 | 201 | 204) => {
                let made = method == "POST" && !matches!(aim, Trash(_)) && !route.ends_with("/zip");
                let is_favourite = route.ends_with("/favourites/{fid}");
                let wanted = match method {
                    "DELETE" => 204,
                    "PUT" if is_favourite => 201,
                    _ if made => 201,
                    "POST" if matches!(aim, Trash(_)) => 204,
                    _ => 200,
                };
                assert_eq!(status, wanted, "{method} {path}");
                match aim {
                    Open(code) | Own(code) | Read(code) | Change(code) => code,
                    Remove => DELETED,
                    Leave | Trash(_) => 0,
                }
            }
            // A refusal to HEAD has no body that could tell.
            404 if method == "HEAD" => 2,
            401 if method == "HEAD" => match reply.header("www-authenticate") {
                Some("Bearer") => 4,
                _ => 3,
            },
            404 => reply.expect_problem(404, 2).json()["code"]
                .as_u64()
                .unwrap(),
            401 => {
                let code = reply.json()["code"].as_u64().unwrap();
                reply.expect_problem(401, code);
                code
            }
            _ => panic!("{method} {path}: {reply:?}"),
        }
    }
}
