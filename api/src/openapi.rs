//! The OpenAPI document: what the annotations say, and what every operation of a kind has in common.
//!
//! An operation names its room in `x-room`; from it come `x-roles`, sign-in, and the parameters and problems that
//! every signed-in operation has. `x-problems` adds statuses. Both are taken out of the document again.

use axum::http::Method;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayItems, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, KnownFormat, OpenApi as Document, PathItem, Ref, RefOr, Required,
    ResponseBuilder,
};

use crate::context::MAX_KEY;
use crate::list::{CSV, XLSX};
use crate::problem::{ProblemBody, Status};
use crate::room::{Declared, OperationRooms, Room};
use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(title = "Stocktrail", description = "Inventory and ordering on an append-only log."),
    components(schemas(ProblemBody))
)]
struct Base;

/// Name of the bearer scheme in the document.
const BEARER: &str = "bearer";
/// Name of the API key scheme in the document.
const API_KEY: &str = "api_key";

/// The complete document.
pub fn document() -> Document {
    build().1
}

/// The router with paths under `/api/v1` and at the root, its document, and the rooms of its operations.
pub(crate) fn build() -> (axum::Router<crate::state::AppState>, Document, OperationRooms) {
    let router = utoipa_axum::router::OpenApiRouter::with_openapi(Base::openapi())
        .merge(routes::root())
        .nest("/api/v1", routes::rooms());
    let (router, mut document) = router.split_for_parts();
    let rooms = complete(&mut document);
    (router, document, rooms)
}

fn complete(document: &mut Document) -> OperationRooms {
    let mut rooms = OperationRooms::default();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            if let Some(room) = complete_operation(path, &method, operation) {
                let parameters = query_parameters(operation);
                rooms.insert(path, Declared { method, room, parameters });
            }
        }
    }
    let components = document.components.get_or_insert_with(Default::default);
    components.schemas.values_mut().for_each(join_remarks);
    for status in Status::ALL {
        components.responses.insert(response_name(status), RefOr::T(problem_response(status)));
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.security_schemes.insert(BEARER.to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
    components.security_schemes.insert(API_KEY.to_owned(), RefOr::T(key));
    rooms
}

/// The derive writes an inline enum with a remark of its own as "that enum and also an object"; it is that enum with
/// that remark.
fn join_remarks(schema: &mut RefOr<Schema>) {
    let RefOr::T(inner) = schema else { return };
    match inner {
        Schema::Object(object) => object.properties.values_mut().for_each(join_remarks),
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                join_remarks(items);
            }
        }
        Schema::OneOf(all) => all.items.iter_mut().for_each(join_remarks),
        Schema::AnyOf(all) => all.items.iter_mut().for_each(join_remarks),
        Schema::AllOf(all) => {
            all.items.iter_mut().for_each(join_remarks);
            if let [RefOr::T(Schema::Object(chosen)), RefOr::T(Schema::Object(remark))] =
                all.items.as_mut_slice()
                && chosen.enum_values.is_some()
                && remark.properties.is_empty()
            {
                chosen.description = remark.description.take();
                *schema = RefOr::T(Schema::Object(std::mem::take(chosen)));
            }
        }
        _ => {}
    }
}

/// The operations of a path.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Adds what the operation has in common with its kind; answers its room.
fn complete_operation(path: &str, method: &Method, operation: &mut Operation) -> Option<Room> {
    let extensions = operation.extensions.get_or_insert_with(Default::default);
    let room = extensions.remove("x-room").and_then(|name| Room::from_name(name.as_str()?));
    let extra = extensions.remove("x-problems");
    if let Some(room) = room {
        let roles = room.roles().iter().map(|role| Value::from(role.name())).collect::<Vec<_>>();
        extensions.insert("x-roles".to_owned(), Value::from(roles));
    }
    operation.security = Some(match room {
        Some(_) => {
            vec![
                SecurityRequirement::new(BEARER, Vec::<String>::new()),
                SecurityRequirement::new(API_KEY, Vec::<String>::new()),
            ]
        }
        None => Vec::new(),
    });
    let mut problems = usual_problems(path, method, operation, room.is_some());
    problems.extend(extra.iter().filter_map(Value::as_array).flatten().filter_map(status_of));
    for status in problems {
        let code = status.entry().0.as_u16().to_string();
        let reference = RefOr::Ref(Ref::from_response_name(response_name(status)));
        operation.responses.responses.entry(code).or_insert(reference);
    }
    add_parameters(method, operation, room.is_some());
    add_downloads(operation);
    add_headers(method, operation);
    room
}

fn query_parameters(operation: &Operation) -> Vec<String> {
    let all = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        _ => None,
    });
    all.collect()
}

/// What can be asked as a page can be asked as a file.
fn add_downloads(operation: &mut Operation) {
    if !query_parameters(operation).iter().any(|name| name == "format") {
        return;
    }
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
        for kind in [CSV, XLSX] {
            let content = || RefOr::T(ContentBuilder::new().schema(Some(text())).build());
            response.content.entry(kind.to_owned()).or_insert_with(content);
        }
    }
}

/// The headers of successes.
fn add_headers(method: &Method, operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if !status.starts_with('2') {
            continue;
        }
        let mut add = |name: &str, schema: ObjectBuilder, about: &str| {
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build();
            response.headers.entry(name.to_owned()).or_insert(RefOr::T(header));
        };
        add("X-Request-Id", uuid(), "Id of the request.");
        if method == Method::GET {
            continue;
        }
        add(
            "Stocktrail-Position",
            position(),
            "Position of the last event of the write, where it is about the log.",
        );
        add(
            "Idempotent-Replay",
            text(),
            "`true` where this is the answer of an earlier request with the same key.",
        );
        if status == "201" || status == "202" {
            add("Location", text(), "Where the new thing is found.");
        }
    }
}

fn usual_problems(path: &str, method: &Method, operation: &Operation, signed_in: bool) -> Vec<Status> {
    let mut problems = vec![Status::Internal, Status::Unavailable];
    let has_body = operation.request_body.is_some();
    let has_parameters = operation.parameters.as_ref().is_some_and(|all| !all.is_empty());
    if signed_in {
        problems.extend([
            Status::Unreadable,
            Status::NotSignedIn,
            Status::Forbidden,
            Status::TooManyRequests,
        ]);
    }
    if signed_in || has_body || has_parameters {
        problems.extend([Status::Unreadable, Status::Invalid]);
    }
    if has_body {
        problems.extend([Status::TooLarge, Status::UnsupportedMediaType]);
    }
    if path.contains('{') {
        problems.push(Status::NotFound);
    }
    if method != Method::GET && signed_in {
        problems.push(Status::Conflict);
    }
    problems
}

fn status_of(code: &Value) -> Option<Status> {
    let code = code.as_u64()?;
    Status::ALL.into_iter().find(|status| u64::from(status.entry().0.as_u16()) == code)
}

fn add_parameters(method: &Method, operation: &mut Operation, signed_in: bool) {
    if !signed_in {
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter
                && parameter.name == "Idempotency-Key"
            {
                parameter.schema = Some(idempotency_key().into());
            }
        }
        return;
    }
    let parameters = operation.parameters.get_or_insert_with(Vec::new);
    let client_id =
        parameter("client_id", ParameterIn::Query, "The active company, only checked: another one is 403.");
    parameters.push(RefOr::T(client_id.schema(Some(uuid())).build()));
    if method == Method::GET {
        let about = "Wait up to 5 s until the read models hold this position, else 503.";
        let query = parameter("min_position", ParameterIn::Query, about).schema(Some(position()));
        let header =
            parameter("Stocktrail-Min-Position", ParameterIn::Header, about).schema(Some(position()));
        parameters.extend([RefOr::T(query.build()), RefOr::T(header.build())]);
    } else {
        let about = "Makes the write repeatable: the same key and body get the first answer, with Idempotent-Replay: true.";
        let key = parameter("Idempotency-Key", ParameterIn::Header, about).schema(Some(idempotency_key()));
        parameters.push(RefOr::T(key.build()));
    }
}

fn parameter(name: &str, place: ParameterIn, about: &str) -> ParameterBuilder {
    ParameterBuilder::from(Parameter::new(name))
        .parameter_in(place)
        .required(Required::False)
        .description(Some(about))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn uuid() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

fn position() -> ObjectBuilder {
    let format = Some(SchemaFormat::KnownFormat(KnownFormat::Int64));
    ObjectBuilder::new().schema_type(Type::Integer).format(format).minimum(Some(0))
}

fn idempotency_key() -> ObjectBuilder {
    text().min_length(Some(1)).max_length(Some(MAX_KEY)).pattern(Some("^[!-~]+$"))
}

fn response_name(status: Status) -> String {
    format!("Problem{}", status.entry().0.as_u16())
}

fn problem_response(status: Status) -> utoipa::openapi::Response {
    let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response =
        ResponseBuilder::new().description(status.entry().1).content("application/problem+json", content);
    if !matches!(status, Status::TooManyRequests | Status::Unavailable) {
        return response.build();
    }
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    let about = "Seconds after which another request makes sense.";
    response
        .header("Retry-After", HeaderBuilder::new().schema(Some(seconds)).description(Some(about)).build())
        .build()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_an_id_of_its_own_and_documents_a_success() {
        let document = serde_json::to_value(super::document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut ids = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let id =
                    operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
                assert!(ids.insert(id.to_owned()), "{id} is used twice");
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|code| code.starts_with('2')), "{method} {path} never succeeds");
                assert!(
                    operation.get("x-room").is_none() && operation.get("x-problems").is_none(),
                    "{method} {path}"
                );
            }
        }
    }
}
