//! A body, read up to its limit, decompressed up to the same limit.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use plugin::{Context as _, Reason, Result};

/// Undoes `Content-Encoding`. More than `limit` bytes are cut, which stops a compression bomb.
///
/// Returns the bytes and whether some were cut. Errors with [`Reason::Protocol`] for bytes that are not what the header says, or for
/// an encoding that was not asked for.
pub(crate) fn decompress(
    bytes: Vec<u8>,
    encoding: &str,
    limit: usize,
    target: &str,
) -> Result<(Vec<u8>, bool)> {
    let mut plain = Vec::new();
    // One byte more than the limit tells that there is more.
    let most = limit as u64 + 1;
    let encoding = encoding.trim().to_ascii_lowercase();
    let what = || format!("decompress {encoding} from {target}");
    match encoding.as_str() {
        "" | "identity" => return Ok((bytes, false)),
        "gzip" | "x-gzip" => {
            MultiGzDecoder::new(bytes.as_slice())
                .take(most)
                .read_to_end(&mut plain)
                .because(Reason::Protocol, what())?;
        }
        // RFC 9110 8.4.1.2: deflate is the zlib format; some servers send the bare stream.
        "deflate" if bytes.first().is_some_and(|first| first & 0x0f == 8) => {
            ZlibDecoder::new(bytes.as_slice())
                .take(most)
                .read_to_end(&mut plain)
                .because(Reason::Protocol, what())?;
        }
        "deflate" => {
            DeflateDecoder::new(bytes.as_slice())
                .take(most)
                .read_to_end(&mut plain)
                .because(Reason::Protocol, what())?;
        }
        _ => return Err("an encoding that was not asked for").because(Reason::Protocol, what()),
    }
    let cut = plain.len() > limit;
    plain.truncate(limit);
    Ok((plain, cut))
}
