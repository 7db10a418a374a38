//! The page of the meetings: what `npm run build` makes of `ui/`, built into the program. Where it was
//! built without Node, there is none, and a placeholder says so.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
    web::{self, Bytes},
};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../ui/dist"]
#[allow_missing = true]
struct Built;

const PAGE: &str = "index.html";
/// Where the build puts files whose names have a hash of what is in them.
const HASHED: &str = "assets/";
/// A file beside another, with the same content compressed.
const GZIP_ENDING: &str = ".gz";

/// Nothing but our own files: no inline script or style, no other site, no frames. Pictures are made in the
/// page (`blob:`), and WebAssembly is what the hash of a file is computed with.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' blob: data:; font-src 'self'; media-src 'self' blob:; worker-src 'self'; \
    connect-src 'self'; manifest-src 'self'; form-action 'none'; base-uri 'none'; \
    frame-ancestors 'none'";
/// What a meeting needs, for this page alone; the rest is for nobody.
const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), \
    speaker-selection=(self), autoplay=(self), fullscreen=(self), screen-wake-lock=(self), \
    geolocation=(), payment=(), usb=()";

/// Files that lie beside the page: its icon and the like.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/{file:[a-z0-9_-]+[.][a-z0-9.]+}", web::get().to(beside));
}

/// Whether there is a page.
pub fn is_built() -> bool {
    Built::get(PAGE).is_some()
}

/// The page, the same for every address; `None` when it was not built.
pub fn page(request: &HttpRequest) -> Option<HttpResponse> {
    file(request, PAGE)
}

/// A file that the page loads from `assets/`.
pub fn asset(request: &HttpRequest, name: &str) -> Option<HttpResponse> {
    let plain = !name.contains(['/', '\\']);
    plain.then(|| file(request, &format!("{HASHED}{name}")))?
}

async fn beside(request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    // The page has its own addresses, and what is compressed comes by the name of what it is.
    let hidden = name.as_str() == PAGE || name.ends_with(GZIP_ENDING);
    match (!hidden).then(|| file(&request, &name)).flatten() {
        Some(answer) => answer,
        None => super::pages::nothing().await,
    }
}

fn file(request: &HttpRequest, path: &str) -> Option<HttpResponse> {
    let kind = content_type(path)?;
    let plain = Built::get(path)?;
    let headers = request.headers();
    let tag = format!("\"{}\"", hex::encode(&plain.metadata.sha256_hash()[..16]));
    let mut answer = if asks_for(headers, &tag) {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    let lasting = path.starts_with(HASHED);
    answer
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header(("permissions-policy", PERMISSIONS))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((
            header::CACHE_CONTROL,
            if lasting {
                "public, max-age=31536000, immutable"
            } else {
                "no-cache"
            },
        ))
        .insert_header((header::ETAG, tag.clone()));
    if asks_for(headers, &tag) {
        return Some(answer.finish());
    }
    let packed = takes_gzip(headers)
        .then(|| Built::get(&format!("{path}{GZIP_ENDING}")))
        .flatten();
    Some(match packed {
        Some(packed) => answer
            .insert_header((header::CONTENT_ENCODING, "gzip"))
            .body(bytes(packed)),
        None => answer.body(bytes(plain)),
    })
}

/// Whether the browser has this very file already.
fn asks_for(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH);
    let known = known.and_then(|tags| tags.to_str().ok()).unwrap_or("");
    // Caches on the way mark what they repack as weak (RFC 9110 section 8.8.1).
    known
        .split(',')
        .any(|known| known.trim().trim_start_matches("W/") == tag)
}

/// RFC 9110 section 12.5.3, as far as browsers use it.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get(header::ACCEPT_ENCODING);
    let codings = codings.and_then(|list| list.to_str().ok()).unwrap_or("");
    codings.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// What is not of the kinds that pages are made of is not served.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => return None,
    })
}

/// What is built in is not copied.
fn bytes(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(built_in) => Bytes::from_static(built_in),
        Cow::Owned(read) => Bytes::from(read),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (asked, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, asked);
            assert_eq!(takes_gzip(&headers), takes, "{asked}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        for (known, same) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            let headers = headers(header::IF_NONE_MATCH, known);
            assert_eq!(asks_for(&headers, "\"a\""), same, "{known}");
        }
    }

    #[test]
    fn the_policy_lets_nothing_in_from_elsewhere() {
        for hole in ["unsafe-inline", "'unsafe-eval'", "http", "ws:", "*"] {
            assert!(!POLICY.contains(hole), "{hole}");
        }
    }

    #[test]
    fn only_what_pages_are_made_of_is_served() {
        assert_eq!(content_type("assets/a.js.gz"), None);
        assert_eq!(content_type("assets/a.js.map"), None);
        assert_eq!(content_type("readme"), None);
        assert_eq!(content_type("icon.svg"), Some("image/svg+xml"));
    }
}
