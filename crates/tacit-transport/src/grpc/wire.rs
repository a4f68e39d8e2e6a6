//! What travels between a node and a hub, as protocol buffers.
//!
//! ```protobuf
//! syntax = "proto3";
//! package tacit.hub.v1;
//! service Hub { rpc Attach(stream Envelope) returns (stream Envelope); }
//!
//! message Envelope {
//!   uint32 peer = 1;               // up: to whom; down: from whom, by its certificate
//!   oneof kind {
//!     Hello hello = 2;       Offer offer = 3;   Want want = 4;     Chunk chunk = 5;
//!     Have have = 6;         Refuse refuse = 7; Present present = 8; Finished finished = 9;
//!   }
//! }
//! message Hello    { uint32 version = 1; bytes room = 2; }     // up, first and once
//! message Offer    { fixed64 life = 1; uint64 number = 2; bytes head = 3; }
//! message Want     { fixed64 life = 1; uint64 number = 2; uint64 from = 3; uint64 to = 4; }
//! message Chunk    { fixed64 life = 1; uint64 number = 2; uint64 at = 3; bytes bytes = 4;
//!                    repeated uint32 also = 5; }                // up: to whom besides; down: nobody
//! message Have     { fixed64 life = 1; uint64 number = 2; }
//! message Refuse   { fixed64 life = 1; uint64 number = 2; string reason = 3; }
//! message Present  { }                                         // down: the peer is attached
//! message Finished { }                                         // the peer's session is complete
//! ```

use std::fmt;

use prost::Message;
use prost::bytes::Bytes;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Path of the one call.
pub(super) const ATTACH: &str = "/tacit.hub.v1.Hub/Attach";

/// Version in [`Hello`].
pub(super) const VERSION: u32 = 3;

/// Bytes of payload in a chunk: with all that frames it, 64 KiB, which TLS takes in one go. A byte more
/// and every chunk would be two calls to the system and two packets.
pub(super) const CHUNK: usize = (64 << 10) - 128;

/// Longest message: a chunk, or an offer with the longest head, with their framing.
pub(super) const MAX_MESSAGE: usize = CHUNK + 4096;

/// Largest HTTP/2 frame: a whole message, so that it is one piece on both sides.
pub(super) const FRAME: u32 = 128 << 10;

/// Bytes read from a socket at a time. TLS takes them in pieces of 4 KiB, and each would be a call to
/// the system.
pub(super) const READ: usize = 128 << 10;

/// One message.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Envelope {
    #[prost(uint32, tag = "1")]
    pub(super) peer: u32,
    #[prost(oneof = "Kind", tags = "2, 3, 4, 5, 6, 7, 8, 9")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "2")]
    Hello(Hello),
    #[prost(message, tag = "3")]
    Offer(Offer),
    #[prost(message, tag = "4")]
    Want(Want),
    #[prost(message, tag = "5")]
    Chunk(Chunk),
    #[prost(message, tag = "6")]
    Have(Have),
    #[prost(message, tag = "7")]
    Refuse(Refuse),
    #[prost(message, tag = "8")]
    Present(Present),
    #[prost(message, tag = "9")]
    Finished(Finished),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Hello {
    #[prost(uint32, tag = "1")]
    pub(super) version: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) room: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Offer {
    #[prost(fixed64, tag = "1")]
    pub(super) life: u64,
    #[prost(uint64, tag = "2")]
    pub(super) number: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) head: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Want {
    #[prost(fixed64, tag = "1")]
    pub(super) life: u64,
    #[prost(uint64, tag = "2")]
    pub(super) number: u64,
    #[prost(uint64, tag = "3")]
    pub(super) from: u64,
    #[prost(uint64, tag = "4")]
    pub(super) to: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Chunk {
    #[prost(fixed64, tag = "1")]
    pub(super) life: u64,
    #[prost(uint64, tag = "2")]
    pub(super) number: u64,
    #[prost(uint64, tag = "3")]
    pub(super) at: u64,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) bytes: Bytes,
    #[prost(uint32, repeated, tag = "5")]
    pub(super) also: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Have {
    #[prost(fixed64, tag = "1")]
    pub(super) life: u64,
    #[prost(uint64, tag = "2")]
    pub(super) number: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Refuse {
    #[prost(fixed64, tag = "1")]
    pub(super) life: u64,
    #[prost(uint64, tag = "2")]
    pub(super) number: u64,
    #[prost(string, tag = "3")]
    pub(super) reason: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Present {}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Finished {}

/// Which parcel of which process: numbers count up within one life of a sender.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ParcelId {
    pub(super) life: u64,
    pub(super) number: u64,
}

impl fmt::Display for ParcelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}/{}", self.life >> 32, self.number)
    }
}

/// Messages as protocol buffers. A chunk is copied once when it is encoded, into a buffer of its size,
/// and not at all when it is decoded.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct EnvelopeCodec;

impl Codec for EnvelopeCodec {
    type Encode = Envelope;
    type Decode = Envelope;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for EnvelopeCodec {
    type Item = Envelope;
    type Error = Status;

    fn encode(&mut self, item: Envelope, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.encoded_len());
        item.encode(buffer)
            .map_err(|e| Status::internal(e.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        // A chunk leaves as soon as it is there; what is short travels together.
        BufferSettings::new(MAX_MESSAGE, CHUNK / 2)
    }
}

impl Decoder for EnvelopeCodec {
    type Item = Envelope;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Envelope>, Status> {
        let envelope = Envelope::decode(buffer);
        envelope
            .map(Some)
            .map_err(|e| Status::invalid_argument(format!("no message of this protocol: {e}")))
    }
}
