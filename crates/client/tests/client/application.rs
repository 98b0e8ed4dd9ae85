//! An application that takes presence notices, and keeps them as they came.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// One request as it came.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Says yes to every notice.
pub(crate) struct Application {
    pub(crate) url: String,
    posts: mpsc::Receiver<Post>,
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (told, posts) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, told.clone()));
            }
        });
        Self { url, posts }
    }

    /// The next request; one that does not come fails the test instead of stopping it.
    pub(crate) async fn next(&mut self) -> Post {
        let post = timeout(Duration::from_secs(30), self.posts.recv()).await;
        post.expect("a notice comes in time").expect("the application runs")
    }
}

async fn serve(stream: TcpStream, told: mpsc::Sender<Post>) {
    let answer = service_fn(|request| take(request, told.clone()));
    // How the server ends its connections is not what is tested.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn take(
    request: Request<Incoming>,
    told: mpsc::Sender<Post>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("the body comes whole").to_bytes();
    told.send(Post { path: head.uri.path().into(), headers: head.headers, body })
        .await
        .expect("a test listens");
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
