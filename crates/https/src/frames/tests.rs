use std::collections::VecDeque;

use async_trait::async_trait;

use super::*;
use crate::testing::frame;

struct Pieces(VecDeque<Result<Vec<u8>, ()>>);

#[async_trait]
impl Chunks for Pieces {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self.0.pop_front() {
            None => Ok(None),
            Some(Ok(bytes)) => Ok(Some(bytes.into())),
            Some(Err(())) => Err(Error::Broken("reset".into())),
        }
    }
}

const LIMITS: FrameLimits = FrameLimits { frame_bytes: 256, total_bytes: 1024 };

async fn read(
    pieces: impl Into<VecDeque<Result<Vec<u8>, ()>>>,
) -> (Vec<Frame>, Option<FramesError>) {
    let mut reader = FrameReader::new(Pieces(pieces.into()), LIMITS);
    let mut frames = Vec::new();
    loop {
        match reader.next().await {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => {
                assert!(matches!(reader.next().await, Ok(None)));
                return (frames, Some(error));
            }
        }
    }
}

#[tokio::test]
async fn frames_come_whole_however_their_bytes_are_cut() {
    let event = frame("event", "PayloadChunk", b"hello");
    let refused = frame("exception", "ThrottlingException", b"{}");
    let bytes = [event, refused].concat();
    for size in [1, 7, 16, bytes.len()] {
        let pieces: VecDeque<_> = bytes.chunks(size).map(|piece| Ok(piece.to_vec())).collect();
        let (frames, error) = read(pieces).await;
        assert!(error.is_none(), "{error:?}");
        let seen: Vec<_> =
            frames.iter().map(|it| (&*it.kind, &*it.name, it.payload.as_ref())).collect();
        let expected: [(_, _, &[u8]); 2] =
            [("event", "PayloadChunk", b"hello"), ("exception", "ThrottlingException", b"{}")];
        assert_eq!(seen, expected, "{size}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_frame_are_named() {
    let good = frame("event", "E", b"x");
    let damaged = |at: usize| {
        let mut frame = good.clone();
        frame[at] ^= 1;
        frame
    };
    let large = frame("event", "E", &[b'x'; 300]);
    let lies = [0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
    for (bytes, expected) in [
        (vec![], ""),
        (good[..good.len() - 1].to_vec(), "the stream ends within a frame"),
        (good[..5].to_vec(), "the stream ends within a frame"),
        (damaged(9), "the frame at byte 0 is malformed"),
        (damaged(good.len() - 5), "the frame at byte 0 is malformed"),
        (damaged(good.len() - 1), "the frame at byte 0 is malformed"),
        ([&good[..], &damaged(14)].concat(), "malformed"),
        (lies, "the frame at byte 0 is malformed"),
        (large[..20].to_vec(), "a frame of the stream has more than 256 bytes"),
        (good.repeat(40), "the stream has more than 1024 bytes"),
    ] {
        let (_, error) = read([Ok(bytes)]).await;
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        let is_so = if expected.is_empty() { error.is_empty() } else { error.contains(expected) };
        assert!(is_so, "{error:?}, not {expected:?}");
    }
    let (frames, error) = read([Ok(good.clone()), Err(())]).await;
    assert!(frames.len() == 1 && matches!(error, Some(FramesError::Body(_))), "{error:?}");
}
