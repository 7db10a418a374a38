//! Pages of other sites: those that the operator has named may speak to the interface (CORS), no others.

use actix_cors::Cors;
use actix_web::http::{Method, header};

use crate::config::Config;

/// Browsers ask again after so long.
const MAX_AGE_SECONDS: usize = 600;

/// What the pages of the sites in `allowed_origins` may send and read. Tokens travel in a header that a page
/// has to set, so that cookies are never needed.
pub fn cors(config: &Config) -> Cors {
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let mut sends = vec![header::AUTHORIZATION, header::CONTENT_TYPE, header::RANGE];
    sends.extend(OWN_SENT.map(header::HeaderName::from_static));
    let mut reads = vec![
        header::LOCATION,
        header::RETRY_AFTER,
        header::CONTENT_DISPOSITION,
    ];
    reads.extend(OWN_READ.map(header::HeaderName::from_static));
    let open = Cors::default()
        .allowed_methods(methods)
        .allowed_headers(sends)
        .expose_headers(reads)
        .max_age(MAX_AGE_SECONDS)
        // Pages of our own say their origin, too; the others are refused where something is done.
        .block_on_origin_mismatch(false);
    let origins = config.allowed_origins.iter();
    origins.fold(open, |cors, origin| cors.allowed_origin(origin))
}

const OWN_SENT: [&str; 8] = [
    "conclave-invite",
    "conclave-sha256",
    "tus-resumable",
    "upload-checksum",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "if-range",
];
const OWN_READ: [&str; 6] = [
    "tus-resumable",
    "tus-version",
    "upload-expires",
    "upload-length",
    "upload-offset",
    "x-request-id",
];
