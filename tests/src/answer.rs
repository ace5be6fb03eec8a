//! What a server answered.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// Status, headers and JSON body (or the text as a JSON string).
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// JSON body; a JSON string where it is not JSON.
    pub body: Value,
}

#[expect(clippy::return_self_not_must_use, reason = "most tests only want the check")]
impl Answer {
    /// Sends a request and reads all of its answer.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, headers, body }
    }

    /// The answer, which must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }

    /// The answer, which must be a 2xx.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!((200..300).contains(&self.status), "{}: {:#}", self.status, self.body);
        self
    }

    /// The problem's code, which must be this one.
    #[track_caller]
    pub fn expect_code(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.text("/code")), (status, code), "{:#}", self.body);
        self
    }

    /// A text by JSON pointer.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> &str {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer}: {:#}", self.body))
    }

    /// A whole number by JSON pointer.
    #[track_caller]
    pub fn number(&self, pointer: &str) -> i64 {
        self.body
            .pointer(pointer)
            .and_then(Value::as_i64)
            .unwrap_or_else(|| panic!("no {pointer}: {:#}", self.body))
    }

    /// The rows of a list.
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        self.body
            .pointer("/items")
            .and_then(Value::as_array)
            .unwrap_or_else(|| panic!("no items: {:#}", self.body))
    }
}
