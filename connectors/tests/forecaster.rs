//! A model outside that answers well, late, wrongly, endlessly or not at all.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::NaiveDate;
use connectors::forecaster::{Answers, Failure, Forecaster, ForecasterConfig, Question};
use domain::planning::covariate::DayCovariates;
use domain::planning::{Amount, forecast::Method};
use domain::shared::ids::ItemId;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the model does with a request.
type Does = fn(&Value) -> Reply;

/// Whether it failed as it should.
type Expected = fn(&Failure) -> bool;

enum Reply {
    Json(Value),
    Status(u16),
    Text(&'static str),
    Endless,
    Nothing,
    Redirect,
}

/// A model on a free port, and what it was asked.
struct Model {
    forecaster: Forecaster,
    asked: Arc<Mutex<Vec<Value>>>,
}

async fn model(does: Does) -> Model {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/forecast", listener.local_addr().unwrap()).parse().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, does, kept.clone()));
        }
    });
    let config = ForecasterConfig { url, time_out: Duration::from_millis(1_500) };
    Model { forecaster: Forecaster::new(&config).unwrap(), asked }
}

async fn serve(mut stream: TcpStream, does: Does, asked: Arc<Mutex<Vec<Value>>>) {
    let Some(request) = read(&mut stream).await else { return };
    let reply = does(&request);
    asked.lock().unwrap().push(request);
    let (status, body) = match reply {
        Reply::Json(body) => (200, body.to_string()),
        Reply::Status(status) => (status, String::new()),
        Reply::Text(text) => (200, text.to_owned()),
        Reply::Nothing => {
            // It keeps the connection and never speaks.
            let _ = stream.read(&mut [0; 1]).await;
            return;
        }
        Reply::Endless => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&[b' '; 8_192]).await.is_ok() {}
            return;
        }
        Reply::Redirect => {
            let head = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            return;
        }
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

/// The JSON body of a request.
async fn read(stream: &mut TcpStream) -> Option<Value> {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.ok().filter(|count| *count > 0)?;
        let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0) {
            return serde_json::from_slice(&bytes[end + 4..]).ok();
        }
    }
}

fn item(number: usize) -> ItemId {
    ItemId::new(&format!("I{number}")).unwrap()
}

async fn ask(model: &Model, count: usize) -> Answers {
    let until = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
    let day = DayCovariates {
        date_local: until,
        promotion_flag: true,
        holiday_flag: false,
        is_weekend: true,
        marketing_spend: Amount::ZERO,
        stock_on_date: Some(7),
    };
    let items: Vec<ItemId> = (0..count).map(item).collect();
    let question = |item_id| Question {
        item_id,
        until,
        history: &[3, 0, 4],
        covariates: std::slice::from_ref(&day),
        future_covariates: &[],
    };
    let questions: Vec<Question<'_>> = items.iter().map(question).collect();
    model.forecaster.ask(&questions).await
}

fn row(item_id: &Value) -> Value {
    json!({"item_id": item_id, "model": "chronos-2", "daily": vec![1.5; 30],
        "quantiles": [{"percent": 10, "daily": vec![1; 30]}, {"percent": 90, "daily": vec!["2.25"; 30]}]})
}

fn well(request: &Value) -> Reply {
    let items = request["items"].as_array().unwrap();
    Reply::Json(json!({"forecasts": items.iter().map(|item| row(&item["item_id"])).collect::<Vec<_>>()}))
}

#[tokio::test]
async fn a_model_is_told_histories_and_covariates_and_answers_quantiles() {
    let model = model(well).await;
    let answers = ask(&model, 250).await;
    assert!(answers.failure.is_none(), "{:?}", answers.failure);
    assert_eq!(answers.forecasts.len(), 250);
    let said = &answers.forecasts[&item(7)];
    assert_eq!((said.method, said.model.as_deref()), (Method::External, Some("chronos-2")));
    assert_eq!(
        (said.forecast_14d.to_string(), said.forecast_30d.to_string()),
        ("21.0000".into(), "45.0000".into())
    );
    assert_eq!(
        (said.quantiles[1].percent, said.quantiles[1].daily[29].to_string()),
        (90, "2.2500".to_owned())
    );
    let asked = model.asked.lock().unwrap();
    assert_eq!(asked.len(), 3, "a hundred at once");
    assert_eq!((&asked[0]["horizon_days"], &asked[0]["quantiles"]), (&json!(30), &json!([10, 50, 90])));
    let day = json!({"date_local": "2026-03-01", "promotion_flag": true, "holiday_flag": false, "is_weekend": true,
        "marketing_spend": "0.00", "stock_on_date": 7});
    let told = json!({"item_id": "I0", "until": "2026-03-01", "history": [3, 0, 4], "covariates": [day],
        "future_covariates": []});
    assert_eq!(asked[0]["items"][0], told);
}

#[tokio::test]
async fn what_is_wrong_with_one_item_leaves_the_others() {
    let model = model(|_| {
        let of = |number: usize| row(&json!(item(number)));
        let with = |number: usize, field: &str, value: Value| {
            let mut row = of(number);
            row[field] = value;
            row
        };
        Reply::Json(json!({"forecasts": [
            of(0),
            with(1, "daily", json!([1, 2, 3])),
            with(2, "daily", json!(vec![-1; 30])),
            with(3, "daily", json!(vec!["NaN"; 30])),
            with(4, "model", json!("")),
            with(5, "quantiles", json!([{"percent": 90, "daily": vec![1; 30]}, {"percent": 10, "daily": vec![1; 30]}])),
            with(6, "daily", json!(vec![1e300; 30])),
            of(7),
            of(7),
            of(99),
        ]}))
    })
    .await;
    let answers = ask(&model, 9).await;
    let taken: Vec<&str> = answers.forecasts.keys().map(ItemId::as_str).collect();
    assert_eq!(taken, ["I0", "I7"]);
    assert!(matches!(answers.failure, Some(Failure::Refused { item_id, .. }) if item_id == item(1)));
}

#[tokio::test]
async fn an_item_of_which_nothing_is_said_is_told() {
    let model = model(|_| Reply::Json(json!({"forecasts": [row(&json!("I0"))]}))).await;
    let answers = ask(&model, 2).await;
    assert_eq!(answers.forecasts.len(), 1);
    assert!(matches!(answers.failure, Some(Failure::Silent(silent)) if silent == item(1)));
}

#[tokio::test]
async fn a_model_that_fails_three_times_in_a_row_is_not_asked_again() {
    let cases: [(Does, Expected); 6] = [
        (|_| Reply::Status(503), |failure| matches!(failure, Failure::Status(503))),
        (|_| Reply::Text("<html>"), |failure| matches!(failure, Failure::Unreadable(_))),
        (|_| Reply::Json(json!({"forecasts": 7})), |failure| matches!(failure, Failure::Unreadable(_))),
        (|_| Reply::Redirect, |failure| matches!(failure, Failure::Status(302))),
        (|_| Reply::Endless, |failure| matches!(failure, Failure::TooLong | Failure::NoAnswer(_))),
        (|_| Reply::Nothing, |failure| matches!(failure, Failure::NoAnswer(_))),
    ];
    for (does, is_expected) in cases {
        let model = model(does).await;
        let answers = ask(&model, 1_000).await;
        assert!(answers.forecasts.is_empty());
        let failure = answers.failure.unwrap();
        assert!(is_expected(&failure), "{failure:?}");
        assert_eq!(model.asked.lock().unwrap().len(), 3, "{failure:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_told_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let config = ForecasterConfig { url, time_out: Duration::from_secs(5) };
    let model = Model { forecaster: Forecaster::new(&config).unwrap(), asked: Arc::default() };
    let answers = ask(&model, 1).await;
    assert!(matches!(answers.failure, Some(Failure::NoAnswer(_))), "{:?}", answers.failure);
}
