//! The routes as a page sees them, on a Downlink that only writes down what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Channels, StartInfo, router};

#[derive(Default)]
struct Recorder {
    sent: Mutex<Vec<(Vec<String>, Value)>>,
    /// Rings with each send, for what a page causes later than its call.
    rang: tokio::sync::Notify,
    /// Refuses sends while set, as a full disk would.
    refuses: Mutex<bool>,
}

#[async_trait::async_trait]
impl Channels for Recorder {
    async fn create_channel(&self, client_id: &str) -> Result<String, String> {
        Ok(format!("token of {client_id}"))
    }

    async fn send(&self, client_ids: &[String], text: String) -> Result<(), String> {
        if *self.refuses.lock().unwrap() {
            return Err("The disk is full.".into());
        }
        self.sent.lock().unwrap().push((client_ids.to_vec(), serde_json::from_str(&text).unwrap()));
        self.rang.notify_one();
        Ok(())
    }
}

struct Site {
    router: Router,
    recorder: Arc<Recorder>,
}

impl Site {
    fn new() -> Self {
        let recorder = Arc::new(Recorder::default());
        let start = StartInfo {
            url: "http://127.0.0.1:7171".into(),
            api_key: Some("the key".into()),
            program: "downlink".to_owned(),
        };
        Self { router: router(Arc::clone(&recorder) as Arc<dyn Channels>, start), recorder }
    }

    async fn call(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        (parts.status, parts.headers, to_bytes(body, 1 << 20).await.unwrap().to_vec())
    }

    async fn get(&self, path: &str, host: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        self.call(Request::get(path).header(header::HOST, host).body(Body::empty()).unwrap()).await
    }

    async fn post_text(&self, path: &str, body: String) -> (StatusCode, Value) {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body.into());
        let (status, _, body) = self.call(request.unwrap()).await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.post_text(path, body.to_string()).await
    }

    fn last_sent(&self) -> (Vec<String>, Value) {
        self.recorder.sent.lock().unwrap().last().unwrap().clone()
    }
}

#[tokio::test]
async fn every_file_that_a_page_names_is_there_and_nothing_is_inline_or_foreign() {
    let site = Site::new();
    for page in ["/", "/demo/chat", "/demo/tic-tac-toe"] {
        let (status, headers, body) = site.get(page, "localhost").await;
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, StatusCode::OK);
        assert!(
            headers[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .starts_with("default-src 'none'; script-src 'self'")
        );
        for forbidden in ["<style", " style=", " onclick=", "<script>", "src=\"http", "url(http"] {
            assert!(!text.contains(forbidden), "{page} has {forbidden}");
        }
        for asset in text.split('"').filter(|part| part.starts_with("/demo/assets/")) {
            assert_eq!(site.get(asset, "localhost").await.0, StatusCode::OK, "{page} names {asset}");
        }
    }
    assert_eq!(site.get("/demo/assets/no", "localhost").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_key_is_told_to_this_machine_alone() {
    let site = Site::new();
    for (host, key) in [("127.0.0.1:7171", json!("the key")), ("rebound.example:7171", Value::Null)] {
        let (status, headers, body) = site.get("/demo/start", host).await;
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, &answer["api_key"]), (StatusCode::OK, &key));
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer["token"], format!("token of {}", answer["client_id"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn a_message_travels_from_one_window_to_both() {
    let site = Site::new();
    let (_, ada) = site.post("/demo/chat/join", json!({"room": "lobby", "name": "Ada"})).await;
    let (_, bo) = site.post("/demo/chat/join", json!({"room": "lobby", "name": "Bo"})).await;
    assert_eq!(bo["people"].as_array().unwrap().len(), 2);
    let say = json!({"room": "lobby", "member": ada["member"], "text": "hello"});
    assert_eq!(site.post("/demo/chat/say", say).await, (StatusCode::OK, json!({"sequence": 1})));
    let (to, event) = site.last_sent();
    let tokens = [ada["token"].as_str().unwrap(), bo["token"].as_str().unwrap()];
    assert_eq!(to.iter().map(|id| format!("token of {id}")).collect::<Vec<_>>(), tokens);
    let from = json!({"id": 1, "name": "Ada"});
    assert_eq!(event, json!({"type": "message", "sequence": 1, "from": from, "text": "hello"}));
}

#[tokio::test]
async fn a_message_that_downlink_refused_is_refused_and_forgotten() {
    let site = Site::new();
    let (_, ada) = site.post("/demo/chat/join", json!({"room": "lobby", "name": "Ada"})).await;
    *site.recorder.refuses.lock().unwrap() = true;
    let say = json!({"room": "lobby", "member": ada["member"], "text": "hello"});
    let (status, problem) = site.post("/demo/chat/say", say).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("The disk is full.")));
    let again = json!({"room": "lobby", "name": "Ada", "member": ada["member"]});
    let (_, again) = site.post("/demo/chat/join", again).await;
    assert_eq!((&again["member"], &again["messages"]), (&ada["member"], &json!([])));
}

#[tokio::test]
async fn who_closes_the_window_is_announced_to_the_others() {
    let site = Site::new();
    let (_, ada) = site.post("/demo/chat/join", json!({"room": "lobby", "name": "Ada"})).await;
    site.post("/demo/chat/join", json!({"room": "lobby", "name": "Bo"})).await;
    let leave = json!({"room": "lobby", "member": ada["member"]});
    assert_eq!(site.post("/demo/chat/leave", leave).await.0, StatusCode::NO_CONTENT);
    let left = async {
        while site.last_sent().1["left"] == json!([]) {
            site.recorder.rang.notified().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), left).await.expect("it is announced");
    let (to, event) = site.last_sent();
    assert_eq!((to.len(), &event["left"]), (1, &json!([{"id": 1, "name": "Ada"}])));
}

#[tokio::test]
async fn nobody_chooses_their_own_channel() {
    let site = Site::new();
    let join = json!({"room": "lobby", "name": "Eve", "member": "of-somebody-else"});
    assert_ne!(site.post("/demo/chat/join", join).await.1["member"], "of-somebody-else");
    let (_, game) = site.post("/demo/tic-tac-toe/new", json!({})).await;
    let join = json!({"game": game["game"], "player": "of-somebody-else"});
    assert_ne!(site.post("/demo/tic-tac-toe/join", join).await.1["player"], "of-somebody-else");
}

#[tokio::test]
async fn a_move_comes_down_both_channels() {
    let site = Site::new();
    let (_, x) = site.post("/demo/tic-tac-toe/new", json!({})).await;
    let (_, o) = site.post("/demo/tic-tac-toe/join", json!({"game": x["game"]})).await;
    assert_eq!((&x["seat"], &o["seat"]), (&json!("X"), &json!("O")));
    let play = json!({"game": x["game"], "player": x["player"], "cell": 4});
    let (status, accepted) = site.post("/demo/tic-tac-toe/move", play).await;
    let (to, state) = site.last_sent();
    assert_eq!((status, to.len()), (StatusCode::OK, 2));
    assert_eq!((&state["version"], &state["cells"][4]), (&accepted["version"], &json!("X")));
    let rematch = json!({"game": x["game"], "player": x["player"]});
    assert_eq!(site.post("/demo/tic-tac-toe/rematch", rematch).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn bad_input_gets_a_status_a_code_and_a_sentence() {
    let site = Site::new();
    let long = format!("{{\"room\":\"{}\"}}", "x".repeat(9000));
    for (path, body, status) in [
        ("/demo/chat/join", "{", 400),
        ("/demo/chat/join", "{\"room\":\"lobby\"}", 400),
        ("/demo/chat/join", "{\"room\":\"No Way\",\"name\":\"Ada\"}", 400),
        ("/demo/chat/join", long.as_str(), 413),
        ("/demo/chat/say", "{\"room\":\"lobby\",\"member\":\"no\",\"text\":\"hello\"}", 404),
        ("/demo/chat/here", "{\"room\":\"lobby\",\"member\":\"no\"}", 404),
        ("/demo/tic-tac-toe/join", "{\"game\":\"no\"}", 404),
        ("/demo/tic-tac-toe/move", "{\"game\":\"no\",\"player\":\"no\",\"cell\":-1}", 400),
        ("/demo/tic-tac-toe/move", "{\"game\":\"no\",\"player\":\"no\",\"cell\":1}", 404),
    ] {
        let (got, problem) = site.post_text(path, body.into()).await;
        assert_eq!(got.as_u16(), status, "{path} {problem}");
        assert!(problem["code"].is_string() && problem["detail"].is_string(), "{path} {problem}");
    }
}
