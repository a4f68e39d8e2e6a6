//! One request: who asks, whether the message is sound, what the head says.
//!
//! The order matters: what is cheap to check comes first, and nothing is allocated for a body
//! before its first 52 bytes have been compared with the model.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::admission::Peer;
use super::batch::overloaded;
use super::server::{Answers, Shared};
use crate::PATH;
use crate::message::{self, Answer, PREAMBLE, Preamble, wrong_length};
use crate::model::{Model, ModelVersion};
use crate::refusal::{Code, Refusal};

/// Answers or refuses a request.
pub(crate) async fn respond(
    shared: &Shared,
    peer: Option<&Peer>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let started = Instant::now();
    shared.metrics.request();
    match exchange(shared, peer, request).await {
        Ok((version, answer)) => {
            let body = message::write_answer(&version, &answer);
            (shared.metrics).answered(answer.rows(), body.len(), started.elapsed());
            response(StatusCode::OK, body)
        }
        Err(refusal) => {
            let body = message::write_refusal(&refusal);
            shared.metrics.refused(refusal.code, body.len());
            let status = StatusCode::from_u16(refusal.code.status());
            let mut response = response(status.unwrap_or(StatusCode::BAD_REQUEST), body);
            if let Some(after) = refusal.retry_after {
                let seconds = after.as_secs().saturating_add(1);
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            response
        }
    }
}

fn response(status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

async fn exchange(
    shared: &Shared,
    peer: Option<&Peer>,
    request: Request<Incoming>,
) -> Result<(ModelVersion, Answer), Refusal> {
    if request.method() != Method::POST || request.uri().path() != PATH {
        let text = format!("only POST {PATH} is served here");
        return Err(Refusal::new(Code::NoSuchPlace, text));
    }
    if shared.stopping.load(Ordering::Relaxed) {
        let text = "this server is about to stop; ask another, or the same one later";
        return Err(Refusal::later(
            Code::ShuttingDown,
            text,
            Duration::from_secs(1),
        ));
    }
    let authorization = request.headers().get(AUTHORIZATION);
    let client = shared
        .clients()
        .admit(peer, authorization, SystemTime::now())?;
    let outcome = admitted(shared, &client, request.into_body()).await;
    if let Err(refusal) = &outcome {
        tracing::debug!(%client, code = refusal.code.name(), "refused");
    }
    outcome
}

async fn admitted(
    shared: &Shared,
    client: &Arc<str>,
    body: Incoming,
) -> Result<(ModelVersion, Answer), Refusal> {
    let limit = shared.limits.body_timeout();
    let received = timeout(limit, receive(shared, client, body)).await;
    let (model, payload, memory) = received.map_err(|_| {
        let text = format!("the body did not arrive within {} s", limit.as_secs_f64());
        Refusal::new(Code::TooSlow, text)
    })??;
    let features = message::read_features(&payload, &model.rule)?;
    drop(payload);
    let repeats = &shared.repeats;
    let columns = model.rule.columns();
    repeats
        .admit(client, &features, columns, Instant::now())
        .map_err(|wait| {
            let text = "the same row was asked too often; keep the first answer";
            Refusal::later(Code::Repeated, text, wait)
        })?;
    let values = shared.queue.ask(model.clone(), features).await?;
    drop(memory);
    let logits = Answer::Logits {
        values,
        outputs: model.head.outputs(),
    };
    let answer = match shared.answers {
        Answers::Logits => logits,
        Answers::Classes => Answer::Classes(logits.classes()),
    };
    Ok((model.version, answer))
}

/// The model that is asked, the numbers as they came, and a place in memory for them.
async fn receive<'s>(
    shared: &'s Shared,
    client: &Arc<str>,
    mut body: Incoming,
) -> Result<(Arc<Model>, Vec<u8>, SemaphorePermit<'s>), Refusal> {
    let announced = body.size_hint().exact();
    let begun = begin(shared, &mut body, announced).await;
    // A malformed request costs as much as one row.
    let rows = begun.as_ref().map_or(1, |(preamble, _)| preamble.rows());
    let rows = rows.min(shared.limits.max_rows);
    (shared.rate)
        .take(client, rows, Instant::now())
        .map_err(|wait| {
            let text = format!(
                "more rows than a client may ask; {} ms more",
                wait.as_millis()
            );
            Refusal::later(Code::RateLimited, text, wait)
        })?;
    let (preamble, first) = begun?;

    let model = shared.model(preamble.model, Instant::now())?;
    let length = preamble.expect(&model.rule, shared.limits.max_rows)?;
    if length > shared.limits.max_body_bytes - PREAMBLE {
        return Err(too_large(shared));
    }
    if let Some(announced) = announced
        && announced != (PREAMBLE + length) as u64
    {
        return Err(wrong_length(
            (announced as usize).saturating_sub(PREAMBLE),
            length,
        ));
    }
    let bytes = length + 4 * preamble.rows() * model.rule.columns();
    let memory = shared.memory.try_acquire_many(bytes.div_ceil(1024) as u32);
    let memory = memory.map_err(|_| overloaded("the memory for requests is full"))?;

    let mut payload = Vec::with_capacity(length);
    let mut next = Some(first);
    while let Some(bytes) = next {
        if payload.len() + bytes.len() > length {
            return Err(wrong_length(payload.len() + bytes.len(), length));
        }
        payload.extend_from_slice(&bytes);
        next = chunk(shared, &mut body).await?;
    }
    if payload.len() != length {
        return Err(wrong_length(payload.len(), length));
    }
    Ok((model, payload, memory))
}

/// The preamble, and what came with it.
async fn begin(
    shared: &Shared,
    body: &mut Incoming,
    announced: Option<u64>,
) -> Result<(Preamble, Bytes), Refusal> {
    if announced.is_some_and(|bytes| bytes > shared.limits.max_body_bytes as u64) {
        return Err(too_large(shared));
    }
    let (mut preamble, mut filled) = ([0; PREAMBLE], 0);
    loop {
        let Some(mut bytes) = chunk(shared, body).await? else {
            let text = format!("the body ends after {filled} bytes, within its preamble");
            return Err(Refusal::new(Code::Length, text));
        };
        let taken = bytes.split_to(bytes.len().min(PREAMBLE - filled));
        preamble[filled..filled + taken.len()].copy_from_slice(&taken);
        filled += taken.len();
        if filled == PREAMBLE {
            return Ok((Preamble::read(&preamble)?, bytes));
        }
    }
}

async fn chunk(shared: &Shared, body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::new(Code::Length, "the body broke off"))?;
        // Trailers say nothing here.
        if let Ok(bytes) = frame.into_data() {
            shared.metrics.received(bytes.len());
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn too_large(shared: &Shared) -> Refusal {
    let text = format!("at most {} bytes a request", shared.limits.max_body_bytes);
    Refusal::new(Code::BodyTooLarge, text)
}
